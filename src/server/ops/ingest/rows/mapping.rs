//! Finds a preset's columns in a file's records, and reads their cells.

use anyhow::{Result, bail};
use csv::StringRecord;
use jiff::{civil, tz::TimeZone};

use super::{
    HeldTally, SessionRow, SourceRecord, StationDetails,
    clock::{CivilTime, ClockFault, Instants},
};
use crate::{
    domain::money::Wh,
    server::ops::ingest::{
        decimal::{self, divide_half_up, scaled},
        preset::{ClockColumns, EnergyUnit, Preset},
        report::Remark,
    },
};

/// A preset's columns by position.
pub struct PresetColumns<'a> {
    preset: &'a Preset,
    clock: TimeZone,
    /// The range in which a session can start and end, milliseconds since 1970: from, and before.
    years: (i64, i64),
    now: i64,
    tally: HeldTally,
    header: StringRecord,
    session: usize,
    client: Option<usize>,
    station: usize,
    connector: Option<usize>,
    start: DateAndTime<'a>,
    end: Option<DateAndTime<'a>>,
    minutes: Option<usize>,
    energy: usize,
    cost: Option<usize>,
    site: Option<usize>,
    model: Option<usize>,
    address: Option<usize>,
    city: Option<usize>,
    state: Option<usize>,
    postal_code: Option<usize>,
}

/// A date and a time of day, each with its position and format.
struct DateAndTime<'a> {
    date: (usize, &'a str),
    time: Option<(usize, &'a str)>,
}

const HOUR_MS: i64 = 3_600_000;

/// A reason to refuse a row, or one of its cells: column, kind and words.
type Fault = (Option<usize>, &'static str, String);
type Readable<T> = Result<T, Fault>;

impl<'a> PresetColumns<'a> {
    /// Fails with the first column that `header` lacks.
    pub fn new(preset: &'a Preset, header: &StringRecord, now: i64, tally: &HeldTally) -> Result<Self> {
        let find = |name: &str| match header.iter().position(|column| column.trim() == name) {
            Some(at) => Ok(at),
            None => bail!("the source has no column `{name}`; it has {}", header.iter().collect::<Vec<_>>().join(", ")),
        };
        let maybe = |name: &Option<String>| name.as_deref().map(find).transpose();
        let at = |clock: &'a ClockColumns| -> Result<DateAndTime<'a>> {
            let time = clock.time.as_deref().zip(clock.time_format.as_deref());
            let time = time.map(|(column, format)| Ok::<_, anyhow::Error>((find(column)?, format))).transpose()?;
            Ok(DateAndTime { date: (find(&clock.date)?, &clock.date_format), time })
        };
        let columns = &preset.columns;
        let (clock, (first, last)) = (preset.clock()?, preset.rows.years);
        let new_year =
            |year| Ok::<_, jiff::Error>(civil::Date::new(year, 1, 1)?.to_zoned_datetime(clock.clone())?.timestamp());
        Ok(Self {
            preset,
            years: (new_year(first)?.as_millisecond(), new_year(last + 1)?.as_millisecond()),
            now,
            tally: tally.clone(),
            header: header.clone(),
            session: find(&columns.session)?,
            client: maybe(&columns.client)?,
            station: find(&columns.station)?,
            connector: maybe(&columns.connector)?,
            start: at(&columns.start)?,
            end: columns.end.as_ref().map(at).transpose()?,
            minutes: maybe(&columns.minutes)?,
            energy: find(&columns.energy.column)?,
            cost: maybe(&columns.cost)?,
            site: maybe(&columns.site)?,
            model: maybe(&columns.model)?,
            address: maybe(&columns.address)?,
            city: maybe(&columns.city)?,
            state: maybe(&columns.state)?,
            postal_code: maybe(&columns.postal_code)?,
            clock,
        })
    }

    pub fn read(&self, record: &StringRecord, line: u64) -> SourceRecord {
        let session = self.cell(record, self.session);
        let session = session.map(|id| format!("{}{id}", self.preset.columns.session_prefix));
        let mut doubts = Vec::new();
        let row = self.row(record, line, session.clone(), &mut doubts).map(|row| {
            let doubts = doubts.into_iter().map(|doubt| self.remark(line, doubt)).collect();
            SessionRow { doubts, ..row }
        });
        SourceRecord { line, session, row: row.map_err(|fault| self.remark(line, fault)) }
    }

    fn row(
        &self,
        record: &StringRecord,
        line: u64,
        session: Option<String>,
        doubts: &mut Vec<Fault>,
    ) -> Readable<SessionRow> {
        if record.len() != self.header.len() {
            let reason = format!("it has {} cells, and the header has {}", record.len(), self.header.len());
            return Err((None, "a row that is not whole", reason));
        }
        let text = |at: Option<usize>| at.and_then(|at| self.cell(record, at)).map(str::to_owned);
        let nameless = || (Some(self.session), "no id of the session", "the cell is empty".to_owned());
        let session = session.ok_or_else(nameless)?;
        let (start, end) = self.period(record, doubts)?;
        let energy = self.energy(record)?;
        if energy.is_some_and(|energy| energy < Wh(0)) {
            let reason = format!("`{}` is less than zero; the energy is not known", self.text(record, self.energy));
            doubts.push((Some(self.energy), "negative energy", reason));
        }
        let station = text(Some(self.station));
        if station.is_none() {
            doubts.push((Some(self.station), "no station", "the cell is empty".to_owned()));
        }
        Ok(SessionRow {
            line,
            session,
            client: text(self.client),
            station,
            connector: text(self.connector).unwrap_or_else(|| "1".to_owned()),
            start,
            end,
            energy: energy.filter(|energy| *energy >= Wh(0)),
            negative: energy.is_some_and(|energy| energy < Wh(0)),
            cost: self.cost(record, doubts),
            about: StationDetails {
                site: text(self.site),
                model: text(self.model),
                address: text(self.address),
                city: text(self.city),
                state: text(self.state),
                postal_code: text(self.postal_code),
            },
            doubts: Vec::new(),
            _held: self.tally.hold(),
        })
    }

    fn period(&self, record: &StringRecord, doubts: &mut Vec<Fault>) -> Readable<(i64, Option<i64>)> {
        let at_start = self.start.date.0;
        let no_start = || (Some(at_start), "no start", "the cell is empty".to_owned());
        let from = self.instants(record, &self.start)?.ok_or_else(no_start)?;
        let start = self.plausible(at_start, from.earlier())?;
        if start > self.now.saturating_add(HOUR_MS) {
            doubts.push((Some(at_start), "a start in the future", format!("`{}`", self.text(record, at_start))));
        }
        if let Some(at) = self.minutes
            && let Some(minutes) = self.number(record, at, 3)?
        {
            doubts.extend(from.doubt().map(|doubt| (Some(at_start), CLOCK, doubt)));
            let seconds = divide_half_up(i128::from(minutes) * 60, 1000);
            let end = i64::try_from(seconds * 1000).ok().and_then(|ms| start.checked_add(ms));
            let end = self.plausible(at, end.ok_or_else(|| "an end beyond all calendars".to_owned()))?;
            return Ok((start, Some(end)));
        }
        let until = self.end.as_ref().map(|end| self.instants(record, end)).transpose()?.flatten();
        let Some((at_end, until)) = self.end.as_ref().map(|end| end.date.0).zip(until) else {
            let status = self.preset.rows.unfinished.code();
            doubts.extend(from.doubt().map(|doubt| (Some(at_start), CLOCK, doubt)));
            let column = self.end.as_ref().map(|end| end.date.0).or(self.minutes);
            doubts.push((column, "no end", format!("the session has no end; its status is {status}")));
            return Ok((start, None));
        };
        let mut end = self.plausible(at_end, until.earlier())?;
        if end < start {
            // In autumn an hour occurs twice: 01:50 to 01:10 is twenty minutes.
            end = self.plausible(at_end, until.later())?;
        } else {
            doubts.extend(from.doubt().map(|doubt| (Some(at_start), CLOCK, doubt)));
            doubts.extend(until.doubt().map(|doubt| (Some(at_end), CLOCK, doubt)));
        }
        if end < start {
            let (start, end) = (self.text(record, at_start), self.text(record, at_end));
            return Err((
                Some(at_end),
                "an end before the start",
                format!("it ends (`{end}`) before it starts (`{start}`)"),
            ));
        }
        Ok((start, Some(end)))
    }

    fn instants(&self, record: &StringRecord, at: &DateAndTime<'_>) -> Readable<Option<Instants>> {
        let (date_at, date_format) = at.date;
        let Some(date) = self.cell(record, date_at) else { return Ok(None) };
        let time = match at.time {
            Some((time_at, format)) => match self.cell(record, time_at) {
                Some(text) => Some((text, format)),
                None => return Ok(None),
            },
            None => None,
        };
        let moment = CivilTime::read((date, date_format), time).map_err(|unread| {
            let (column, text, format) = match (unread, at.time, time) {
                (ClockFault::Time, Some((column, format)), Some((text, _))) => (column, text, format),
                _ => (date_at, date, date_format),
            };
            (Some(column), "a time that cannot be read", format!("`{text}` is not a time written as {format}"))
        })?;
        Ok(Some(moment.on(&self.clock)))
    }

    fn plausible(&self, column: usize, instant: Result<i64, String>) -> Readable<i64> {
        let at = instant.map_err(|reason| (Some(column), "a time that cannot be read", reason))?;
        let (from, before) = self.years;
        if (from..before).contains(&at) {
            return Ok(at);
        }
        let day = jiff::Timestamp::from_millisecond(at).map_or_else(|e| e.to_string(), |at| at.to_string());
        let (first, last) = self.preset.rows.years;
        let reason = format!("{day} is not in the years {first} to {last}; `rows.years` of the preset sets them");
        Err((Some(column), "a year that cannot be right", reason))
    }

    /// The energy may be negative.
    fn energy(&self, record: &StringRecord) -> Readable<Option<Wh>> {
        let digits = match self.preset.columns.energy.unit {
            EnergyUnit::Kwh => 3,
            EnergyUnit::Wh => 0,
        };
        let Some(text) = self.cell(record, self.energy) else { return Ok(None) };
        let read = scaled(text, digits, self.preset.rows.decimal_mark).map(|wh| Some(Wh(wh)));
        read.map_err(|unread| (Some(self.energy), NUMBER, not_read(text, unread)))
    }

    /// The cost in minor units, halves rounded up. An unreadable or negative cost is not known; the session stays.
    fn cost(&self, record: &StringRecord, doubts: &mut Vec<Fault>) -> Option<i64> {
        let at = self.cost?;
        let text = self.cell(record, at)?;
        let digits = self.preset.network.currency.exponent();
        let reason = match scaled(text, digits, self.preset.rows.decimal_mark) {
            Ok(minor @ 0..) => return Some(minor),
            Ok(_) => format!("`{text}` is less than zero"),
            Err(unread) => not_read(text, unread),
        };
        doubts.push((Some(at), "a cost that is not known", reason));
        None
    }

    fn number(&self, record: &StringRecord, at: usize, digits: u32) -> Readable<Option<i64>> {
        let Some(text) = self.cell(record, at) else { return Ok(None) };
        match scaled(text, digits, self.preset.rows.decimal_mark) {
            Ok(number @ 0..) => Ok(Some(number)),
            Ok(_) => Err((Some(at), NUMBER, format!("`{text}` is less than zero"))),
            Err(unread) => Err((Some(at), NUMBER, not_read(text, unread))),
        }
    }

    /// The trimmed cell; `None` if it holds a text that means "no value" by the preset.
    fn cell<'r>(&self, record: &'r StringRecord, at: usize) -> Option<&'r str> {
        let text = record.get(at)?.trim();
        (!text.is_empty() && !self.preset.rows.missing.iter().any(|nothing| nothing == text)).then_some(text)
    }

    fn text<'r>(&self, record: &'r StringRecord, at: usize) -> &'r str {
        self.cell(record, at).unwrap_or_default()
    }

    fn remark(&self, line: u64, (column, kind, reason): Fault) -> Remark {
        let column = column.map(|at| self.header.get(at).unwrap_or_default().trim().to_owned());
        Remark { line: Some(line), column, kind, reason }
    }
}

const CLOCK: &str = "a time that daylight saving skips or repeats";
const NUMBER: &str = "a number that cannot be read";

fn not_read(text: &str, unread: decimal::DecimalFault) -> String {
    match unread {
        decimal::DecimalFault::NotANumber => format!("`{text}` is not a number"),
        decimal::DecimalFault::TooLarge => format!("`{text}` is too large"),
    }
}
