use std::io::Write;

use super::*;
use crate::domain::money::Wh;

const HEADER: &str =
    "Charging event,User ID,CP ID,Connector,Start Date,Start Time,End Date,End Time,Total kWh,Site,Model\n";

/// The rows that were read, and the remarks of those that were refused.
#[derive(Debug, Default)]
struct ReadRows {
    rows: Vec<SessionRow>,
    refused: Vec<Remark>,
}

fn sorted(preset: &Preset, text: &str) -> Result<ReadRows> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let mut sorted = ReadRows::default();
    for read in Source::open(file.path(), preset, utc("2026-11-29T00:00Z"), &HeldTally::default())? {
        match read?.row {
            Ok(row) => sorted.rows.push(row),
            Err(refused) => sorted.refused.push(refused),
        }
    }
    Ok(sorted)
}

fn read_rows(preset: &str, text: &str) -> ReadRows {
    sorted(&Preset::load(preset).unwrap(), text).unwrap()
}

fn own(columns: &str, zone: &str, rest: &str) -> Preset {
    let text = format!(
        "dataset = \"own\"\n[network]\nname = \"Own\"\ncountry = \"USA\"\ncountry_code = \"US\"\ntime_zone = \"{zone}\"\n\
         currency = \"USD\"\n[eco]\nset = \"owid-2024\"\n[columns]\nsession = \"id\"\nstation = \"station\"\n\
         energy = {{ column = \"kwh\", unit = \"kWh\" }}\n{columns}\n{rest}\n"
    );
    Preset::parse(&text).unwrap()
}

const PLAIN: &str = "start = { date = \"start\", date_format = \"%Y-%m-%d %H:%M\" }\n\
    end = { date = \"end\", date_format = \"%Y-%m-%d %H:%M\" }\ncost = \"paid\"";

/// Line, column and reason.
fn summary(remarks: &[Remark]) -> Vec<(u64, &str, &str)> {
    remarks.iter().map(|r| (r.line.unwrap(), r.column.as_deref().unwrap_or(""), r.reason.as_str())).collect()
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
             4,a,c,1,06/09/2018,07:03,06/09/2018,23:55,1 kWh,s,m\n\
             5,a,c\n\
             6,a,c,1,06/09/2018,07:03,,,,s,m\n\
             7,a,c,1,06/09/2018,07:03,06/09/2018,23:55,-9.54,s,m\n"
        ),
    );
    let found = summary(&source.refused);
    assert_eq!(found.iter().map(|(line, ..)| *line).collect::<Vec<_>>(), [2, 3, 4, 5, 6]);
    let expected = [
        ("Charging event", "empty"),
        ("Start Date", "31/02/2018"),
        ("End Date", "before it starts"),
        ("Total kWh", "1 kWh"),
        ("", "3 cells"),
    ];
    for (found, (column, part)) in found.iter().zip(expected) {
        assert!(found.1 == column && found.2.contains(part), "{found:?}");
    }
    let [open, negative] = &source.rows[..] else { panic!("two rows") };
    assert_eq!((open.end, open.negative), (None, false));
    assert_eq!((negative.energy, negative.negative), (None, true), "kept, but its energy is not known");
}

#[test]
fn a_missing_column_is_told_with_those_there_are() {
    let error = sorted(&Preset::load("dundee").unwrap(), "one;two\n1;2\n").unwrap_err().to_string();
    assert!(error.contains("Charging event") && error.contains("one, two"), "{error}");
}

#[test]
fn an_offset_in_a_cell_counts_and_not_the_networks_zone() {
    let columns = "start = { date = \"start\", date_format = \"%Y-%m-%d %H:%M:%S%.f %z\" }\n\
        end = { date = \"end\", date_format = \"%Y-%m-%d %H:%M:%S%.f %z\" }";
    let source = sorted(
        &own(columns, "America/Los_Angeles", ""),
        "id,station,start,end,kwh\n\
         A,S,2025-11-02 01:30:00.000 -0700,2025-11-02 01:50:00.000 -0700,1.0\n\
         B,S,2025-11-02 01:30:00.000 -0800,2025-11-02 01:50:00.000 -0800,1.0\n\
         C,S,2025-11-02 01:50:00.000 -0700,2025-11-02 01:10:00.000 -0800,1.0\n\
         D,S,2026-08-01 01:48:00.000 +0000,2026-08-01 04:59:00.000 Z,8.725\n",
    )
    .unwrap();
    let times: Vec<_> = source.rows.iter().map(|row| (row.start, row.end.unwrap())).collect();
    let expected = [
        ("2025-11-02T08:30Z", "2025-11-02T08:50Z"),
        ("2025-11-02T09:30Z", "2025-11-02T09:50Z"),
        ("2025-11-02T08:50Z", "2025-11-02T09:10Z"),
        ("2026-08-01T01:48Z", "2026-08-01T04:59Z"),
    ];
    assert_eq!(times, expected.map(|(start, end)| (utc(start), utc(end))), "{:?}", source.refused);
    assert!(source.rows.iter().all(|row| row.doubts.is_empty()), "an offset leaves no doubt");

    let others = [
        ("%Y-%m-%dT%H:%M:%S%:z", "2026-08-01T01:48:00+05:30", "2026-07-31T20:18Z"),
        ("%Y-%m-%dT%H:%M:%S%:z", "2026-08-01T01:48:00Z", "2026-08-01T01:48Z"),
        ("%Y-%m-%d %H:%M[%Q]", "2026-08-01 01:48[Asia/Tokyo]", "2026-07-31T16:48Z"),
        ("%s", "1785548880", "2026-08-01T01:48Z"),
    ];
    for (format, cell, expected) in others {
        let columns = format!("start = {{ date = \"start\", date_format = \"{format}\" }}\nminutes = \"min\"");
        let preset = own(&columns, "America/Los_Angeles", "");
        let source = sorted(&preset, &format!("id,station,start,min,kwh\nA,S,{cell},1,1\n")).unwrap();
        assert_eq!(source.rows.first().map(|row| row.start), Some(utc(expected)), "{cell}: {:?}", source.refused);
    }
    let two = "start = { date = \"day\", date_format = \"%F\", time = \"time\", time_format = \"%H:%M %z\" }\nminutes = \"min\"";
    let two =
        sorted(&own(two, "America/Los_Angeles", ""), "id,station,day,time,min,kwh\nA,S,2026-08-01,01:48 +0200,1,1\n");
    assert_eq!(two.unwrap().rows[0].start, utc("2026-07-31T23:48Z"), "the offset stands beside the time of day");
}

#[test]
fn each_odd_row_is_refused_or_doubted_with_line_and_column() {
    let source = sorted(
        &own(PLAIN, "America/Los_Angeles", ""),
        "id,start,end,kwh,station,paid\n\
         a,2019-06-01 08:00,2019-06-01 09:00,1.0,S,$1.20\n\
         b,2019-06-01 08:00,2019-06-01 09:00,1.0,S,-1.20\n\
         c,2019-06-01 08:00,2019-06-01 09:00,1.0 kWh,S,1.20\n\
         d,2019-06-01 08:00,2019-06-01 09:00,1.0,,2.647\n\
         e,2019-06-01 08:00,,1.0,S,0.00\n\
         f,,2019-06-01 09:00,1.0,S,1.20\n\
         g,2019-06-01 24:00,2019-06-02 01:00,1.0,S,1.20\n\
         h,2019-03-10 02:30,2019-03-10 03:30,1.0,S,1.00\n\
         i,2019-11-03 00:30,2019-11-03 01:30,1.0,S,1.00\n\
         j,0014-06-01 08:00,0014-06-01 09:00,1.0,S,1.00\n\
         k,2119-06-01 08:00,2119-06-01 09:00,1.0,S,1.00\n\
         l,2019-06-01 08:00,2019-06-01 09:00,-9.5,S,1.00\n\
         m,2019-06-01 08:00,2019-06-01 09:00,99999999999999999999,S,1.00\n\
         n,2027-06-01 08:00,2027-06-01 09:00,.5,S,\n",
    )
    .unwrap();
    let refused = [
        (4, "kwh", "not a number"),
        (7, "start", "empty"),
        (8, "start", "24:00"),
        (11, "start", "years 2000 to 2099"),
        (12, "start", "years 2000 to 2099"),
        (14, "kwh", "too large"),
    ];
    let doubted = [
        (2, "paid", "$1.20"),
        (3, "paid", "less than zero"),
        (5, "station", "empty"),
        (6, "end", "its status is ACTIVE"),
        (9, "start", "does not exist"),
        (10, "end", "exists twice"),
        (13, "kwh", "less than zero"),
        (15, "start", "2027"),
    ];
    let doubts: Vec<_> = source.rows.iter().flat_map(|row| row.doubts.clone()).collect();
    for (remarks, expected) in [(&source.refused, &refused[..]), (&doubts, &doubted[..])] {
        let found = summary(remarks);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, (line, column, part)) in found.iter().zip(expected) {
            assert!(found.0 == *line && found.1 == *column && found.2.contains(part), "{found:?}, expected {part}");
        }
    }
    let costs: Vec<_> = source.rows.iter().map(|row| (row.session.as_str(), row.cost)).collect();
    let known = [("d", Some(265)), ("e", Some(0)), ("h", Some(100)), ("i", Some(100)), ("l", Some(100))];
    let unknown = ["a", "b", "n"].map(|id| (id, None));
    assert!(costs.len() == 8 && known.iter().chain(&unknown).all(|cost| costs.contains(cost)), "{costs:?}");
}

#[test]
fn years_are_what_the_preset_says() {
    let preset = own(PLAIN, "UTC", "[rows]\nyears = [1990, 1999]");
    let rows = "id,start,end,kwh,station,paid\n1,1999-12-31 22:00,1999-12-31 23:00,1,S,\n2,1999-12-31 23:00,2000-01-01 00:00,1,S,\n";
    let source = sorted(&preset, rows).unwrap();
    assert_eq!((source.rows.len(), summary(&source.refused)[0].1), (1, "end"));
}

#[test]
fn the_delimiter_is_the_one_by_which_all_columns_are_found() {
    for delimiter in [",", ";", "\t", "|"] {
        let text = ["id,start,end,kwh,station,paid", "1,2019-06-01 08:00,2019-06-01 09:00,0.3,S,"].join("\n");
        let source = sorted(&own(PLAIN, "UTC", ""), &text.replace(',', delimiter)).unwrap();
        assert_eq!(source.rows[0].energy, Some(Wh(300)), "{delimiter}");
    }
    let found = own(PLAIN, "UTC", "[file]\ndelimiter = \"#\"");
    let text = "id#start#end#kwh#station#paid\n1#2019-06-01 08:00#2019-06-01 09:00#0.3#S#\n";
    assert_eq!(sorted(&found, text).unwrap().rows.len(), 1);
    assert!(sorted(&found, &text.replace('#', ",")).is_err(), "what the preset says holds");
}

#[test]
fn a_file_with_semicolons_may_have_decimal_commas() {
    let text = "id;start;end;kwh;station;paid\n\
                1;2019-06-01 08:00;2019-06-01 09:00;12,5;S;3,40\n\
                2;2019-06-01 08:00;2019-06-01 09:00;1.234,567;S;\n";
    let source = sorted(&own(PLAIN, "UTC", "[rows]\ndecimal_mark = \",\""), text).unwrap();
    let read: Vec<_> = source.rows.iter().map(|row| (row.energy, row.cost)).collect();
    assert_eq!(read, [(Some(Wh(12_500)), Some(340)), (Some(Wh(1_234_567)), None)]);
    assert!(source.refused.is_empty() && source.rows.iter().all(|row| row.doubts.is_empty()), "{source:?}");
}
