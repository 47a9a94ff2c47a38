//! Leptos as the rest of the program sees it: all of it, but `view!` makes elements of one type, [`El`](el::El).
//!
//! Leptos has a type for every tag and for every attribute with every type of value, and the code that builds, hydrates and
//! changes one for each. That is a third of what a browser downloads, and no page needs it. `view!` names what it makes by
//! its path in Leptos, so this crate stands in Leptos' place with the same paths.

mod el;
mod said;

pub use leptos::*;

pub mod tachys {
    pub use leptos::tachys::*;

    pub mod html {
        pub use leptos::tachys::html::*;

        /// All elements that pages use. Leptos' own are not passed on, so that a tag which is missing here does not compile.
        pub mod element {
            crate::el::elements! {
                None =>
                a article aside b body button datalist dd details div dl dt fieldset figure footer form h1 h2 h3 head
                header html input label legend li link main meta nav ol option p script section select small span strong
                style summary table tbody td tfoot th thead time title tr ul
            }
        }
    }

    /// As [`html::element`]. `view!` makes an inert element of a tree without anything that changes.
    pub mod svg {
        pub use leptos::tachys::svg::InertElement;

        crate::el::elements! {
            Some("http://www.w3.org/2000/svg") =>
            circle defs g line path pattern polygon polyline rect svg text
        }
    }

    /// No page uses one.
    pub mod math {}
}
