//! One type for elements of every tag. On the server a panic within a `section` costs only that section: an error
//! text is drawn in its place, and the browser leaves it as it is.
//!
//! Long, because an element builds, updates, hydrates and writes itself, and all of these share its private fields.

use std::{
    borrow::Cow,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use leptos::{
    ev::{Custom, EventDescriptor, on},
    html::ElementType,
    prelude::{AddAnyAttr, AnyView, IntoAny, IntoRender, Mountable, Owner, Render, RenderEffect, RenderHtml},
    tachys::{
        html::{
            attribute::{
                Attribute,
                any_attribute::{AnyAttribute, IntoAnyAttribute},
                custom::custom_attribute,
            },
            node_ref::{NodeRefContainer, node_ref},
            property::{IntoProperty, prop},
        },
        hydration::Cursor,
        renderer::{
            CastFrom, Rndr,
            types::{Element, Event, Node},
        },
        ssr::StreamBuilder,
        view::{Position, PositionState, any_view::AnyViewState},
    },
};

use crate::attr_value::{AttrValue, Text, ToAttrValue};

/// An element with its attributes, listeners and children.
pub struct El {
    tag: &'static str,
    namespace: Option<&'static str>,
    attributes: Vec<(&'static str, AttrValue)>,
    /// Attributes without a text value: listeners, properties, references.
    others: Vec<AnyAttribute>,
    children: Vec<AnyView>,
}

/// The state of an element in the document.
pub struct ElState {
    el: Element,
    tag: &'static str,
    attributes: Vec<(&'static str, Rendered)>,
    others: <Vec<AnyAttribute> as Attribute>::State,
    others_len: usize,
    children: Vec<AnyViewState>,
}

/// The state of an attribute in the document.
enum Rendered {
    Once(Text),
    Live(RenderEffect<Text>),
}

/// The tag of an element that can fail without the rest of its page.
const PART: &str = "section";
/// The attribute that marks a section that could not be drawn.
const FAILED: &str = "data-failed";
const FAILED_TEXT: &str = "This part could not be drawn. The server's log says why.";

macro_rules! elements {
    ($namespace:expr => $($tag:ident)*) => {$(
        #[must_use]
        pub fn $tag() -> $crate::el::El {
            $crate::el::El::new(stringify!($tag), $namespace)
        }
    )*};
}
pub(crate) use elements;

macro_rules! attributes {
    ($($method:ident $name:literal)*) => {$(
        #[must_use]
        pub fn $method(self, value: impl ToAttrValue) -> Self {
            self.attr($name, value)
        }
    )*};
}

impl El {
    pub(crate) const fn new(tag: &'static str, namespace: Option<&'static str>) -> Self {
        Self { tag, namespace, attributes: Vec::new(), others: Vec::new(), children: Vec::new() }
    }

    #[must_use]
    pub fn attr(self, name: &'static str, value: impl ToAttrValue) -> Self {
        self.with(name, value.to_attr_value())
    }

    fn with(mut self, name: &'static str, value: AttrValue) -> Self {
        self.attributes.push((name, value));
        self
    }

    attributes! {
        action "action" autocapitalize "autocapitalize" autocomplete "autocomplete" autofocus "autofocus" charset "charset"
        class "class" content "content" crossorigin "crossorigin" datetime "datetime" defer "defer" disabled "disabled" download "download"
        hidden "hidden" href "href" id "id" lang "lang" list "list" max "max" maxlength "maxlength" method "method" min "min"
        name "name" open "open" popover "popover" popovertarget "popovertarget" rel "rel" required "required" role "role"
        scope "scope" selected "selected" spellcheck "spellcheck" src "src" tabindex "tabindex" title "title" r#as "as"
        r#type "type" value "value"
        aria_busy "aria-busy" aria_current "aria-current" aria_describedby "aria-describedby" aria_hidden "aria-hidden"
        aria_invalid "aria-invalid" aria_label "aria-label" aria_labelledby "aria-labelledby" aria_live "aria-live" aria_pressed "aria-pressed"
        aria_sort "aria-sort"
    }

    #[must_use]
    pub fn child(self, child: impl IntoRender<Output: RenderHtml>) -> Self {
        self.holding(child.into_render().into_any())
    }

    fn holding(mut self, child: AnyView) -> Self {
        self.children.push(child);
        self
    }

    /// Adds a listener. All events share one type of listener.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "as `view!` hands it to the elements of Leptos")]
    pub fn on<E, F>(self, event: E, mut heard: F) -> Self
    where
        E: EventDescriptor,
        E::EventType: From<Event>,
        F: FnMut(E::EventType) + 'static,
    {
        self.listening(event.name(), Box::new(move |event| heard(event.into())))
    }

    fn listening(self, event: Cow<'static, str>, heard: Box<dyn FnMut(Event)>) -> Self {
        self.add_any_attr(on(Custom::<Event>::new(event), heard))
    }

    #[must_use]
    pub fn node_ref<E: ElementType>(self, to: impl NodeRefContainer<E>) -> Self {
        self.add_any_attr(node_ref(to))
    }

    #[must_use]
    pub fn prop(self, name: &'static str, value: impl IntoProperty) -> Self {
        self.add_any_attr(prop(name, value))
    }

    fn is_void(&self) -> bool {
        matches!(self.tag, "input" | "link" | "meta")
    }

    fn opening(&mut self, more: Vec<AnyAttribute>, html: &mut String) {
        let (mut classes, mut style, mut inner) = (String::new(), String::new(), String::new());
        html.push('<');
        html.push_str(self.tag);
        for (name, value) in std::mem::take(&mut self.attributes) {
            // An empty class is left out.
            if let Some(text) = value.now().filter(|text| name != "class" || !text.is_empty()) {
                custom_attribute(name, text.into_owned()).to_html(html, &mut classes, &mut style, &mut inner);
            }
        }
        for other in std::mem::take(&mut self.others).into_iter().chain(more) {
            other.to_html(html, &mut classes, &mut style, &mut inner);
        }
        html.push('>');
    }

    fn closing(&self) -> String {
        if self.is_void() { String::new() } else { format!("</{}>", self.tag) }
    }

    /// The section that takes the place of one that panicked.
    fn failed() -> Self {
        Self::new(PART, None).attr("class", "panel").attr(FAILED, "").child(FAILED_TEXT)
    }

    fn write_with_buf(
        mut self,
        html: &mut String,
        position: &mut Position,
        mark_branches: bool,
        more: Vec<AnyAttribute>,
    ) {
        self.opening(more, html);
        *position = Position::FirstChild;
        for child in std::mem::take(&mut self.children) {
            child.to_html_with_buf(html, position, true, mark_branches, Vec::new());
        }
        html.push_str(&self.closing());
    }

    fn write_async_with_buf<const OUT_OF_ORDER: bool>(
        mut self,
        html: &mut StreamBuilder,
        position: &mut Position,
        mark_branches: bool,
        more: Vec<AnyAttribute>,
    ) {
        html.with_buf(|html| self.opening(more, html));
        *position = Position::FirstChild;
        for child in std::mem::take(&mut self.children) {
            child.to_html_async_with_buf::<OUT_OF_ORDER>(html, position, true, mark_branches, Vec::new());
        }
        html.push_sync(&self.closing());
    }

    async fn resolve_children(mut self) -> Self {
        let mut children = Vec::with_capacity(self.children.len());
        for child in self.children {
            children.push(child.resolve().await);
        }
        self.children = children;
        self
    }

    /// Whether the state's element can be updated to this one: same tag, same attribute names, as many children and
    /// others.
    fn is(&self, state: &ElState) -> bool {
        self.tag == state.tag
            && self.others.len() == state.others_len
            && self.children.len() == state.children.len()
            && self.attributes.iter().map(|(name, _)| name).eq(state.attributes.iter().map(|(name, _)| name))
    }
}

/// Calls `draw`, and returns `None` if it panicked. The panic hook has logged the cause already.
fn caught<T>(draw: impl FnOnce() -> T) -> Option<T> {
    let owner = Owner::current();
    let drawn = catch_unwind(AssertUnwindSafe(draw)).ok();
    if let Some(owner) = owner.filter(|_| drawn.is_none()) {
        // The panic skipped the code that restores the reactive owner, so restore it here.
        owner.set();
    }
    drawn
}

/// Writes an attribute. `known` is what the document holds already.
fn show(el: &Element, name: &'static str, value: AttrValue, known: Option<Text>) -> Rendered {
    match value {
        AttrValue::Once(text) => {
            write(el, name, known.as_ref(), &text);
            Rendered::Once(text)
        }
        AttrValue::Live(mut read) => {
            let el = el.clone();
            Rendered::Live(RenderEffect::new_with_value(
                move |before: Option<Text>| {
                    let text = read();
                    write(&el, name, before.as_ref(), &text);
                    text
                },
                known,
            ))
        }
    }
}

fn write(el: &Element, name: &str, before: Option<&Text>, text: &Text) {
    if before == Some(text) {
        return;
    }
    match text {
        Some(text) => Rndr::set_attribute(el, name, text),
        None => {
            if before.is_some_and(Option::is_some) {
                Rndr::remove_attribute(el, name);
            }
        }
    }
}

impl Render for El {
    type State = ElState;

    fn build(self) -> ElState {
        let el = Rndr::create_element(self.tag, self.namespace);
        let attributes =
            self.attributes.into_iter().map(|(name, value)| (name, show(&el, name, value, None))).collect();
        let others_len = self.others.len();
        let others = self.others.build(&el);
        let mut children: Vec<_> = self.children.into_iter().map(Render::build).collect();
        children.iter_mut().for_each(|child| child.mount(&el, None));
        ElState { el, tag: self.tag, attributes, others, others_len, children }
    }

    fn rebuild(self, state: &mut ElState) {
        if !self.is(state) {
            let mut new = self.build();
            state.insert_before_this(&mut new);
            state.unmount();
            *state = new;
            return;
        }
        for ((name, value), (_, shown)) in self.attributes.into_iter().zip(&mut state.attributes) {
            let known = match shown {
                Rendered::Once(text) => Some(text.take()),
                Rendered::Live(effect) => effect.take_value(),
            };
            *shown = show(&state.el, name, value, known);
        }
        self.others.rebuild(&mut state.others);
        for (child, shown) in self.children.into_iter().zip(&mut state.children) {
            child.rebuild(shown);
        }
    }
}

impl RenderHtml for El {
    type AsyncOutput = Self;
    type Owned = Self;

    const MIN_LENGTH: usize = 0;

    fn dry_resolve(&mut self) {
        let mut resolve = || self.children.iter_mut().for_each(RenderHtml::dry_resolve);
        if self.tag != PART {
            resolve();
        } else if caught(resolve).is_none() {
            *self = Self::failed();
        }
    }

    async fn resolve(self) -> Self {
        if self.tag != PART {
            return self.resolve_children().await;
        }
        let mut resolved = pin!(self.resolve_children());
        let resolved = poll_fn(|context| match caught(|| resolved.as_mut().poll(context)) {
            Some(poll) => poll.map(Some),
            None => Poll::Ready(None),
        });
        resolved.await.unwrap_or_else(Self::failed)
    }

    fn html_len(&self) -> usize {
        // An estimate for the opening and closing tag and some attributes.
        32 + self.children.iter().map(RenderHtml::html_len).sum::<usize>()
    }

    fn to_html_with_buf(
        self,
        html: &mut String,
        position: &mut Position,
        _escape: bool,
        mark_branches: bool,
        more: Vec<AnyAttribute>,
    ) {
        if self.tag == PART {
            let mut part = String::new();
            if caught(|| self.write_with_buf(&mut part, position, mark_branches, more)).is_none() {
                part.clear();
                Self::failed().write_with_buf(&mut part, position, mark_branches, Vec::new());
            }
            html.push_str(&part);
        } else {
            self.write_with_buf(html, position, mark_branches, more);
        }
        *position = Position::NextChild;
    }

    fn to_html_async_with_buf<const OUT_OF_ORDER: bool>(
        self,
        html: &mut StreamBuilder,
        position: &mut Position,
        _escape: bool,
        mark_branches: bool,
        more: Vec<AnyAttribute>,
    ) {
        if self.tag == PART {
            let mut part = StreamBuilder::new(html.clone_id());
            let drawn = caught(|| self.write_async_with_buf::<OUT_OF_ORDER>(&mut part, position, mark_branches, more));
            if drawn.is_none() {
                part = StreamBuilder::new(html.clone_id());
                Self::failed().write_async_with_buf::<OUT_OF_ORDER>(&mut part, position, mark_branches, Vec::new());
            }
            html.append(part);
        } else {
            self.write_async_with_buf::<OUT_OF_ORDER>(html, position, mark_branches, more);
        }
        *position = Position::NextChild;
    }

    fn hydrate<const FROM_SERVER: bool>(mut self, cursor: &Cursor, position: &PositionState) -> ElState {
        match position.get() {
            Position::FirstChild => cursor.child(),
            Position::Current => {}
            _ => cursor.sibling(),
        }
        let Some(el) = Element::cast_from(cursor.current()) else {
            unreachable!("the server draws a <{}> here", self.tag)
        };
        if self.tag == PART && el.has_attribute(FAILED) {
            // The server failed to draw this section, so keep its text and hydrate nothing in it.
            self = Self::new("", None);
        }
        let hydrated = |(name, value): (&'static str, AttrValue)| match value {
            // The server has written it already.
            AttrValue::Once(text) => (name, Rendered::Once(text)),
            AttrValue::Live(mut read) => {
                let el = el.clone();
                let shown = RenderEffect::new(move |before: Option<Text>| {
                    let text = read();
                    if before.is_some() {
                        write(&el, name, before.as_ref(), &text);
                    }
                    text
                });
                (name, Rendered::Live(shown))
            }
        };
        let attributes = self.attributes.into_iter().map(hydrated).collect();
        let others_len = self.others.len();
        let others = self.others.hydrate::<true>(&el);
        position.set(Position::FirstChild);
        let children = self.children.into_iter().map(|child| child.hydrate::<true>(cursor, position)).collect();
        cursor.set(<Element as AsRef<Node>>::as_ref(&el).clone());
        position.set(Position::NextChild);
        ElState { el, tag: self.tag, attributes, others, others_len, children }
    }

    /// No child is awaited here, so this is the same as `hydrate`.
    async fn hydrate_async(self, cursor: &Cursor, position: &PositionState) -> ElState {
        self.hydrate::<true>(cursor, position)
    }

    fn into_owned(self) -> Self {
        self
    }
}

impl AddAnyAttr for El {
    type Output<A: Attribute> = Self;

    fn add_any_attr<A: Attribute>(mut self, attribute: A) -> Self {
        self.others.push(attribute.into_any_attr());
        self
    }
}

impl Mountable for ElState {
    fn unmount(&mut self) {
        Rndr::remove(&self.el);
    }

    fn mount(&mut self, parent: &Element, marker: Option<&Node>) {
        Rndr::insert_node(parent, &self.el, marker);
    }

    fn try_mount(&mut self, parent: &Element, marker: Option<&Node>) -> bool {
        Rndr::try_insert_node(parent, &self.el, marker)
    }

    fn insert_before_this(&self, child: &mut dyn Mountable) -> bool {
        let parent = Rndr::get_parent(&self.el).and_then(Element::cast_from);
        parent.inspect(|parent| child.mount(parent, Some(&self.el))).is_some()
    }

    fn elements(&self) -> Vec<Element> {
        vec![self.el.clone()]
    }
}
