//! Links every figure to the list of exactly the documents behind it, if such a list exists.

use crate::{
    domain::{
        figures::{CAPTURED, COMPLETED},
        report::{By, Column, Measure, Report, ReportRow},
        selection::{Criterion, FilterField},
        time::Period,
    },
    web::ui::page_of,
};

/// Returns the address of the list behind a figure. Without a column it is the list of the row's name, without a row
/// that of the total.
pub fn behind(report: &Report, row: Option<&ReportRow>, column: Option<&Column>) -> Option<String> {
    let payments = match column {
        None => report.by == By::Method,
        Some(Column::Sessions | Column::Energy) => false,
        Some(Column::WithoutEnergy | Column::LeftOut | Column::Doubtful | Column::Derived | Column::WithoutAmount) => {
            return None;
        }
        Some(Column::Money(Measure::FeesMissing, _)) => return None,
        Some(Column::Payments | Column::Money(..)) => true,
    };
    let (mut period, mut narrower) = (report.about.period.as_str(), None);
    if let Some(row) = row {
        let id = row.id.as_deref()?;
        match (report.by, payments) {
            (By::Day | By::Week | By::Month, _) => period = row.period.as_deref()?,
            (By::Client, _) => narrower = Some((FilterField::Client, id)),
            (By::Station, false) => narrower = Some((FilterField::Station, id)),
            (By::Method, true) => narrower = Some((FilterField::Method, id)),
            // A payment has no station, a session no method, and neither has a city.
            _ => return None,
        }
    }
    let counted = if payments { CAPTURED } else { COMPLETED };
    let mut list = counted.selection(Some(Period::parse(period)?));
    if let Some((field, id)) = narrower {
        list = list.with(field, Criterion::one_of([id]));
    }
    if let Some(Column::Money(_, currency)) = column {
        list = list.in_currency(currency);
    }
    Some(page_of(counted.collection(), &list))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{money::Currency, report::About};

    const JUNE: &str = "2018-05-31T23:00:00Z/2018-06-30T23:00:00Z";
    const REVENUE: &str = "status=CAPTURED,DISPUTED,PARTIALLY_REFUNDED,REFUNDED";

    fn report(by: By) -> Report {
        let blank = Report::blank(by);
        Report { about: About { period: JUNE.to_owned(), ..blank.about }, ..blank }
    }

    fn row(id: Option<&str>, period: Option<&str>) -> ReportRow {
        ReportRow {
            id: id.map(str::to_owned),
            lacks: None,
            name: None,
            period: period.map(str::to_owned),
            cells: Vec::new(),
        }
    }

    #[test]
    fn figures_lead_to_the_documents_behind_them() {
        let revenue = Column::Money(Measure::Revenue, Currency("GBP".into()));
        let of = |by, row: Option<ReportRow>, column: Option<&Column>| behind(&report(by), row.as_ref(), column);
        let some = |address: String| Some(address);
        assert_eq!(
            of(By::Station, Some(row(Some("A&B"), None)), None),
            some(format!("/sessions?status=COMPLETED&ended={JUNE}&station=A%26B"))
        );
        assert_eq!(of(By::Station, Some(row(Some("A"), None)), Some(&revenue)), None);
        let fees = Column::Money(Measure::FeesMissing, Currency("GBP".into()));
        assert_eq!(of(By::Station, None, Some(&fees)), None, "no list holds just those without a fee");
        assert_eq!(
            of(By::Station, None, Some(&revenue)),
            some(format!("/payments?{REVENUE}&captured={JUNE}&currency=GBP"))
        );
        assert_eq!(
            of(By::Method, Some(row(Some("CARD"), None)), None),
            some(format!("/payments?{REVENUE}&captured={JUNE}&method=CARD"))
        );
        let day = "2018-06-01T23:00:00Z/2018-06-02T23:00:00Z";
        assert_eq!(
            of(By::Day, Some(row(Some("2018-06-02"), Some(day))), Some(&Column::Sessions)),
            some(format!("/sessions?status=COMPLETED&ended={day}"))
        );
        assert_eq!(
            of(By::Client, Some(row(Some("605338"), None)), Some(&revenue)),
            some(format!("/payments?{REVENUE}&captured={JUNE}&currency=GBP&client=605338"))
        );
        assert_eq!(of(By::Client, Some(row(None, None)), None), None, "of what is not known there is no list");
        assert_eq!(of(By::City, Some(row(Some("Dundee"), None)), None), None);
    }
}
