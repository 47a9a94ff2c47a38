//! SVG symbols: the product's mark, and icons of pages and tools.

use leptos::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    Overview,
    Activity,
    Analytics,
    Stations,
    Sessions,
    Clients,
    Payments,
    Eco,
    Reports,
    System,
    More,
    Picture,
    Table,
}

impl Icon {
    const fn path(self) -> &'static str {
        match self {
            Self::Overview => "M2 9h5V2H2zm0 6h5v-4H2zm7 0h5V8H9zm0-13v4h5V2z",
            Self::Activity => "M1 8h3l2-5 4 10 2-5h3",
            Self::Analytics => "M2 14h12M4 11V7m4 4V3m4 8V6",
            Self::Stations => "M4 14V3a1 1 0 0 1 1-1h4a1 1 0 0 1 1 1v11zm6-6h2v3a1 1 0 0 0 2 0V6l-2-2",
            Self::Sessions => "M9 1 3 9h4l-1 6 6-8H8z",
            Self::Clients => "M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6zm-6 6c0-3 3-4.5 6-4.5s6 1.5 6 4.5z",
            Self::Payments => "M1.5 3.5h13v9h-13zm0 3h13M4 10h3",
            Self::Eco => "M3 13C3 6 8 3 14 3c0 6-3 10-8 10zm0 0c1-3 3-5 6-6",
            Self::Reports => "M4 1h6l3 3v11H4zm2 6h5M6 10h5",
            Self::System => {
                "M3 5a2 2 0 1 0 0-4 2 2 0 0 0 0 4zm10 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM5 3h4a2.5 2.5 0 0 1 0 5H7a2.5 2.5 0 0 0 0 5h4"
            }
            Self::More => "M3 8h.01M8 8h.01M13 8h.01",
            Self::Picture => "M2 3h12v10H2zm0 8 4-4 3 3 2-2 3 3M10.5 5.5h.01",
            Self::Table => "M2 3h12v10H2zm0 3.5h12M2 10h12M6 3v10",
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Overview | Self::Sessions | Self::Clients => "icon filled",
            Self::Activity
            | Self::Analytics
            | Self::Stations
            | Self::Payments
            | Self::Eco
            | Self::Reports
            | Self::System
            | Self::Picture
            | Self::Table => "icon",
            Self::More => "icon dots",
        }
    }

    pub fn view(self) -> impl IntoView {
        view! {
            <svg class=self.class() viewBox="0 0 16 16" aria-hidden="true">
                <path d=self.path() />
            </svg>
        }
    }
}

/// The product's mark with its name.
#[component]
pub fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 22 22" aria-hidden="true">
            <rect x="1" y="1" width="20" height="20" rx="6" />
            <path d="M12.4 3.8 6.6 12h3.6l-.8 6.2 6-8.6h-3.7z" />
        </svg>
        <span>{crate::web::text::PRODUCT}</span>
    }
}
