//! The rows of a source, read as a preset says: typed, or refused with the line and the reason.

use std::{fs::File, path::Path};

use anyhow::{Context, Result, bail};
use csv::{ReaderBuilder, StringRecord};
use jiff::{
    civil::DateTime,
    fmt::strtime,
    tz::{AmbiguousTimestamp, TimeZone},
};

use super::{
    decimal::{divide_half_up, scaled},
    preset::{Clock, EnergyUnit, Preset},
    report::Refusal,
};
use crate::model::money::Wh;

/// One session as the source tells it. Instants are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// In the file, from 1, the header included.
    pub line: u64,
    pub session: String,
    pub client: Option<String>,
    pub station: Option<String>,
    pub connector: String,
    pub start: i64,
    pub end: Option<i64>,
    pub energy: Option<Wh>,
    /// The source tells less than nothing, which no meter delivers: `energy` is not known then.
    pub negative: bool,
    /// Minor units.
    pub cost: Option<i64>,
    pub about: About,
}

/// What a row says about its station.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    pub site: Option<String>,
    pub model: Option<String>,
    pub address: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    pub postal_code: Option<String>,
}

/// What was read: rows in the order of the file, and refusals.
#[derive(Debug, Default)]
pub struct Source {
    pub rows: Vec<Row>,
    pub refused: Vec<Refusal>,
}

/// Reads the whole file. Fails only where no row could be right: the file cannot be read, a column is missing.
pub fn read(path: &Path, preset: &Preset) -> Result<Source> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut reader = ReaderBuilder::new().from_reader(file);
    let header = reader.headers().with_context(|| format!("cannot read the header of {}", path.display()))?.clone();
    let mapping = Mapping::new(preset, &header)?;
    let mut source = Source::default();
    let mut record = StringRecord::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => return Ok(source),
            Ok(true) => {
                let line = record.position().map_or(0, csv::Position::line);
                match mapping.row(&record, line) {
                    Ok(row) => source.rows.push(row),
                    Err(reason) => source.refused.push(Refusal { line: Some(line), reason }),
                }
            }
            Err(error) if error.is_io_error() => return Err(error).context("the source cannot be read to its end"),
            Err(error) => {
                let line = error.position().map(csv::Position::line);
                source.refused.push(Refusal { line, reason: error.to_string() });
            }
        }
    }
}

/// A preset's columns by position.
struct Mapping<'a> {
    preset: &'a Preset,
    clock: TimeZone,
    header: &'a StringRecord,
    session: usize,
    client: Option<usize>,
    station: usize,
    connector: Option<usize>,
    start: At<'a>,
    end: Option<At<'a>>,
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

/// A date and a time of day: position and format each.
struct At<'a> {
    date: (usize, &'a str),
    time: Option<(usize, &'a str)>,
}

type Refused<T> = Result<T, String>;

impl<'a> Mapping<'a> {
    fn new(preset: &'a Preset, header: &'a StringRecord) -> Result<Self> {
        let find = |name: &str| match header.iter().position(|column| column.trim() == name) {
            Some(at) => Ok(at),
            None => bail!("the source has no column `{name}`; it has {}", header.iter().collect::<Vec<_>>().join(", ")),
        };
        let maybe = |name: &Option<String>| name.as_deref().map(find).transpose();
        let at = |clock: &'a Clock| -> Result<At<'a>> {
            let time = clock.time.as_deref().zip(clock.time_format.as_deref());
            let time = time.map(|(column, format)| Ok::<_, anyhow::Error>((find(column)?, format))).transpose()?;
            Ok(At { date: (find(&clock.date)?, &clock.date_format), time })
        };
        let columns = &preset.columns;
        Ok(Self {
            preset,
            clock: preset.clock()?,
            header,
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
        })
    }

    fn row(&self, record: &StringRecord, line: u64) -> Refused<Row> {
        let text = |at: Option<usize>| at.and_then(|at| self.cell(record, at)).map(str::to_owned);
        let session = text(Some(self.session)).ok_or_else(|| format!("no {}", self.name(self.session)))?;
        let (start, end) = self.period(record)?;
        let (energy, negative) = self.energy(record)?;
        let cost_digits = self.preset.network.currency.exponent();
        Ok(Row {
            line,
            session: format!("{}{session}", self.preset.columns.session_prefix),
            client: text(self.client),
            station: text(Some(self.station)),
            connector: text(self.connector).unwrap_or_else(|| "1".to_owned()),
            start,
            end,
            energy,
            negative,
            cost: self.number(record, self.cost, cost_digits)?,
            about: About {
                site: text(self.site),
                model: text(self.model),
                address: text(self.address),
                city: text(self.city),
                state: text(self.state),
                postal_code: text(self.postal_code),
            },
        })
    }

    fn period(&self, record: &StringRecord) -> Refused<(i64, Option<i64>)> {
        let start_at = self.civil(record, &self.start)?.ok_or("no start")?;
        let start = instant(self.clock.to_ambiguous_timestamp(start_at), Fold::Earlier)?;
        if let Some(minutes) = self.number(record, self.minutes, 3)? {
            let ms = i64::try_from(divide_half_up(i128::from(minutes) * 60, 1000) * 1000).map_err(|e| e.to_string())?;
            return Ok((start, Some(start.checked_add(ms).ok_or("an end beyond all calendars")?)));
        }
        let end_at = self.end.as_ref().map(|end| self.civil(record, end)).transpose()?.flatten();
        let Some(end_at) = end_at else { return Ok((start, None)) };
        let ambiguous = self.clock.to_ambiguous_timestamp(end_at);
        let mut end = instant(ambiguous, Fold::Earlier)?;
        if end < start {
            // In autumn an hour is told twice: 01:50 to 01:10 is twenty minutes.
            end = instant(self.clock.to_ambiguous_timestamp(end_at), Fold::Later)?;
        }
        if end < start {
            return Err(format!("it ends ({end_at}) before it starts ({start_at})"));
        }
        Ok((start, Some(end)))
    }

    fn civil(&self, record: &StringRecord, at: &At<'_>) -> Refused<Option<DateTime>> {
        let parse = |(column, format): (usize, &str)| -> Refused<Option<strtime::BrokenDownTime>> {
            let Some(text) = self.cell(record, column) else { return Ok(None) };
            let told = || format!("{}: `{text}` is not written as {format}", self.name(column));
            strtime::parse(format, text).map(Some).map_err(|_| told())
        };
        let Some(date) = parse(at.date)? else { return Ok(None) };
        let clock = match at.time.map(parse) {
            None => date.to_time(),
            Some(time) => match time? {
                Some(time) => time.to_time(),
                None => return Ok(None),
            },
        };
        let day = date.to_date().map_err(|e| e.to_string())?;
        Ok(Some(day.to_datetime(clock.map_err(|e| e.to_string())?)))
    }

    /// The energy, and whether it is told as negative.
    fn energy(&self, record: &StringRecord) -> Refused<(Option<Wh>, bool)> {
        let digits = match self.preset.columns.energy.unit {
            EnergyUnit::Kwh => 3,
            EnergyUnit::Wh => 0,
        };
        let below_zero = self.cell(record, self.energy).and_then(|text| text.strip_prefix('-'));
        match below_zero.and_then(|text| scaled(text, digits, self.preset.rows.decimal_mark)) {
            Some(wh) => Ok(((wh == 0).then_some(Wh(0)), wh > 0)),
            None => Ok((self.number(record, Some(self.energy), digits)?.map(Wh), false)),
        }
    }

    fn number(&self, record: &StringRecord, at: Option<usize>, digits: u32) -> Refused<Option<i64>> {
        let Some((at, text)) = at.and_then(|at| Some((at, self.cell(record, at)?))) else { return Ok(None) };
        let number = scaled(text, digits, self.preset.rows.decimal_mark);
        number.map(Some).ok_or_else(|| format!("{}: `{text}` is no number of zero or more", self.name(at)))
    }

    /// Trimmed; `None` where it holds what the preset says means nothing.
    fn cell<'r>(&self, record: &'r StringRecord, at: usize) -> Option<&'r str> {
        let text = record.get(at)?.trim();
        (!text.is_empty() && !self.preset.rows.missing.iter().any(|nothing| nothing == text)).then_some(text)
    }

    fn name(&self, at: usize) -> &str {
        self.header.get(at).unwrap_or_default()
    }
}

#[derive(Clone, Copy)]
enum Fold {
    Earlier,
    Later,
}

/// A time of day that spring's change skipped is read by the offset before it (as RFC 5545 does).
fn instant(local: AmbiguousTimestamp, fold: Fold) -> Refused<i64> {
    let at = match fold {
        Fold::Earlier => local.compatible(),
        Fold::Later => local.later(),
    };
    at.map(|at| at.as_millisecond()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const HEADER: &str =
        "Charging event,User ID,CP ID,Connector,Start Date,Start Time,End Date,End Time,Total kWh,Site,Model\n";

    fn read_rows(preset: &str, text: &str) -> Source {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        read(file.path(), &Preset::load(preset).unwrap()).unwrap()
    }

    fn utc(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn local_times_follow_daylight_saving() {
        let source = read_rows(
            "dundee",
            &format!(
                "{HEADER}1,a,c,1,06/09/2018,23:55,07/09/2018,07:03,22.287,s,m\n\
                 2,a,c,1,06/12/2018,10:00,06/12/2018,11:00,1,s,m\n\
                 3,a,c,1,28/10/2018,01:50,28/10/2018,01:10,1,s,m\n\
                 4,a,c,1,25/03/2018,00:50,25/03/2018,02:10,1,s,m\n"
            ),
        );
        assert!(source.refused.is_empty(), "{:?}", source.refused);
        let [summer, winter, fold, gap] = &source.rows[..] else { panic!("four rows") };
        assert_eq!((summer.start, summer.end), (utc("2018-09-06T22:55Z"), Some(utc("2018-09-07T06:03Z"))));
        assert_eq!((summer.line, summer.energy), (2, Some(Wh(22_287))));
        assert_eq!(winter.start, utc("2018-12-06T10:00Z"));
        assert_eq!(fold.end.unwrap() - fold.start, 20 * 60_000);
        assert_eq!(gap.end.unwrap() - gap.start, 20 * 60_000);
    }

    #[test]
    fn the_lying_date_is_not_believed() {
        let source = read_rows(
            "boulder",
            "\u{feff}Station_Name,Station_Address,City,State_Province,Postal_Code,Transaction_Date,Transaction_Start_Time,\
             Charging_Time__minutes_,Energy__kWh_,GHG_Savings__kg_,Gasoline_Savings__gallons_,Port_Type,ObjectId\n\
             S,A,Boulder,Colorado,80302,2018/07/31 00:00:00+00,2021/01/21 17:43:00+00,\"2,418.5\",2.84,,,Level 2,1\n\
             S,A,Boulder,Colorado,80302,2018/01/31 00:00:00+00,2021/01/21 17:43:00+00,     -       ,,,,Level 2,2\n",
        );
        let [row, open] = &source.rows[..] else { panic!("two rows: {:?}", source.refused) };
        assert_eq!(row.start, utc("2018-07-31T23:43Z"));
        assert_eq!(row.end.unwrap() - row.start, 145_110_000);
        assert_eq!(row.session, "BLD-1");
        assert_eq!((open.start, open.end, open.energy), (utc("2018-02-01T00:43Z"), None, None));
    }

    #[test]
    fn a_bad_row_is_refused_with_line_and_reason() {
        let source = read_rows(
            "dundee",
            &format!(
                "{HEADER},a,c,1,06/09/2018,23:55,07/09/2018,07:03,1,s,m\n\
                 2,a,c,1,31/02/2018,23:55,07/09/2018,07:03,1,s,m\n\
                 3,a,c,1,06/09/2018,23:55,06/09/2018,07:03,1,s,m\n\
                 4,a,c,1,06/09/2018,07:03,06/09/2018,23:55,1e3,s,m\n\
                 5,a,c\n\
                 6,a,c,1,06/09/2018,07:03,,,,s,m\n\
                 7,a,c,1,06/09/2018,07:03,06/09/2018,23:55,-9.54,s,m\n"
            ),
        );
        let told: Vec<_> = source.refused.iter().map(|r| (r.line.unwrap(), r.reason.as_str())).collect();
        assert_eq!(told.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3, 4, 5, 6]);
        for (told, part) in told.iter().zip(["no Charging event", "31/02/2018", "before it starts", "1e3", "fields"]) {
            assert!(told.1.contains(part), "{told:?}");
        }
        let [open, negative] = &source.rows[..] else { panic!("two rows") };
        assert_eq!((open.end, open.negative), (None, false));
        assert_eq!((negative.energy, negative.negative), (None, true), "kept, but its energy is not known");
    }

    #[test]
    fn a_missing_column_is_told_with_those_there_are() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"one,two\n1,2\n").unwrap();
        let error = read(file.path(), &Preset::load("dundee").unwrap()).unwrap_err().to_string();
        assert!(error.contains("Charging event") && error.contains("one, two"), "{error}");
    }
}
