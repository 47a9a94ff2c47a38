//! Leptos as the rest of the program sees it: all of it, except that `view!` makes elements of one type,
//! [`El`](el::El).
//!
//! Leptos has one type for every tag, and one for every attribute with every type of value. For each of them it has
//! code that builds, hydrates and updates it. That is a twelfth of a first load (docs/benchmarks.md), and no page needs it.
//! `view!` refers to elements by their path in Leptos, so this crate takes Leptos' place with the same paths.

mod attr_value;
mod el;

pub use leptos::*;

pub mod tachys {
    pub use leptos::tachys::*;

    pub mod html {
        pub use leptos::tachys::html::*;

        /// All elements that pages use. Leptos' own are not re-exported, so that a missing tag fails to compile.
        pub mod element {
            crate::el::elements! {
                None =>
                a article aside b body button datalist dd details div dl dt fieldset figure footer form h1 h2 h3 head
                header html input label legend li link main meta nav ol option p script section select small span strong
                style summary table tbody td tfoot th thead time title tr ul
            }
        }
    }

    /// Like [`html::element`]. `view!` makes an inert element of a subtree in which nothing changes.
    pub mod svg {
        pub use leptos::tachys::svg::InertElement;

        crate::el::elements! {
            Some("http://www.w3.org/2000/svg") =>
            circle defs g line path pattern polygon polyline rect svg text
        }
    }

    /// Empty, because no page uses MathML.
    pub mod math {}
}
