//! The value of an attribute as text, whatever type it has.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
};

use leptos::prelude::{Get, Signal};

/// The attribute's text. `None` leaves the attribute out.
pub type Text = Option<Cow<'static, str>>;

/// An attribute's value: fixed, or read again whenever something it reads changes.
pub enum AttrValue {
    Once(Text),
    Live(Box<dyn FnMut() -> Text + Send>),
}

impl AttrValue {
    pub fn now(self) -> Text {
        match self {
            Self::Once(text) => text,
            Self::Live(mut read) => read(),
        }
    }
}

/// A value that converts to an attribute's text.
pub trait ToText {
    fn to_text(self) -> Text;
}

impl ToText for &'static str {
    fn to_text(self) -> Text {
        Some(Cow::Borrowed(self))
    }
}

impl ToText for String {
    fn to_text(self) -> Text {
        Some(Cow::Owned(self))
    }
}

impl ToText for Cow<'static, str> {
    fn to_text(self) -> Text {
        Some(self)
    }
}

/// A boolean attribute: `true` writes it without a value, `false` leaves it out.
impl ToText for bool {
    fn to_text(self) -> Text {
        self.then_some(Cow::Borrowed(""))
    }
}

impl<T: ToText> ToText for Option<T> {
    fn to_text(self) -> Text {
        self.and_then(T::to_text)
    }
}

/// A value that `view!` passes for an attribute.
pub trait ToAttrValue {
    fn to_attr_value(self) -> AttrValue;
}

macro_rules! once {
    ($($type:ty),*) => {$(
        impl ToAttrValue for $type {
            fn to_attr_value(self) -> AttrValue {
                AttrValue::Once(self.to_text())
            }
        }
    )*};
}

once!(&'static str, String, Cow<'static, str>, bool);

impl<T: ToText> ToAttrValue for Option<T> {
    fn to_attr_value(self) -> AttrValue {
        AttrValue::Once(self.to_text())
    }
}

impl<F, T> ToAttrValue for F
where
    F: FnMut() -> T + Send + 'static,
    T: ToText,
{
    fn to_attr_value(mut self) -> AttrValue {
        AttrValue::Live(Box::new(move || self().to_text()))
    }
}

/// The form in which `view!` passes a closure.
impl<T: ToText + 'static> ToAttrValue for Arc<Mutex<dyn FnMut() -> T + Send>> {
    fn to_attr_value(self) -> AttrValue {
        AttrValue::Live(Box::new(move || self.lock().unwrap_or_else(PoisonError::into_inner)().to_text()))
    }
}

impl<T: ToText + Clone + Send + Sync + 'static> ToAttrValue for Signal<T> {
    fn to_attr_value(self) -> AttrValue {
        AttrValue::Live(Box::new(move || self.get().to_text()))
    }
}
