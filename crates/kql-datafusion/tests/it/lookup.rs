//! Functions of hunting services that answer from a table of one's own.

use kql_datafusion::{EngineError, MemoryTables, json, lookup};

use crate::world;

/// The rows of a query over these function tables, each given by the query that makes it.
async fn answer(
    functions: &[(&str, Option<&str>, &str)],
    query: &str,
) -> Result<Vec<String>, EngineError> {
    let mut tables = MemoryTables::new();
    for (function, key, rows) in functions {
        let stream = world::start(MemoryTables::new(), world::limits(), rows, None).await?;
        let schema = stream.schema.clone();
        let batches = stream.collect().await?;
        let key = key.map(ToOwned::to_owned);
        tables.insert_function(*function, key, schema, batches)?;
    }
    let stream = world::start(tables, world::limits(), query, None).await?;
    let schema = stream.schema.clone();
    let batches = stream.collect().await?;
    let rows = batches.iter().flat_map(|batch| json::rows(batch, &schema));
    Ok(rows
        .map(|row| serde_json::to_string(&row).unwrap())
        .collect())
}

async fn check(functions: &[(&str, Option<&str>, &str)], query: &str, expected: &[&str]) {
    let actual = answer(functions, query).await.unwrap();
    assert_eq!(actual, expected, "{query}");
}

const PROFILES: (&str, Option<&str>, &str) = (
    lookup::FILE_PROFILE,
    None,
    "datatable(sha1:string, SHA256:string, Signer:string, GlobalPrevalence:int, \
     IsCertificateValid:bool, GlobalFirstSeen:datetime)[
       'AA11', 'bb22', 'Contoso', 5, true, datetime(2024-01-02),
       'aa11', 'bb22', 'Contoso', 5, true, datetime(2024-01-02),
       'cc33', '', 'Fabrikam', 7, false, datetime(null)]",
);

#[tokio::test]
async fn files_are_known_by_any_of_their_hashes() {
    check(
        &[PROFILES],
        "datatable(n:int, SHA1:string)[1, 'aa11', 2, 'CC33', 3, 'none', 4, '', 5, 'aa11'] \
         | sort by n asc | invoke FileProfile() \
         | project n, SHA1, Signer, GlobalPrevalence, IsCertificateValid, GlobalFirstSeen, \
         ProfileAvailability, MD5",
        &[
            r#"[1,"aa11","Contoso",5,true,"2024-01-02T00:00:00.0000000Z","Available",""]"#,
            r#"[2,"CC33","Fabrikam",7,false,null,"Available",""]"#,
            r#"[3,"none","",null,null,null,"Missing",""]"#,
            r#"[4,"","",null,null,null,"",""]"#,
            r#"[5,"aa11","Contoso",5,true,"2024-01-02T00:00:00.0000000Z","Available",""]"#,
        ],
    )
    .await;
    for argument in ["InitiatingProcessSHA256", "'InitiatingProcessSHA256', 1000"] {
        let query = format!(
            "datatable(InitiatingProcessSHA256:string)['BB22'] | invoke FileProfile({argument}) \
             | project InitiatingProcessSHA256, SHA1 = tolower(SHA1), SHA256, Signer"
        );
        check(
            &[PROFILES],
            &query,
            &[r#"["BB22","aa11","bb22","Contoso"]"#],
        )
        .await;
    }
}

#[tokio::test]
async fn a_function_without_its_table_says_so() {
    let query = "print SHA1 = 'x' | invoke FileProfile()";
    let error = answer(&[], query).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`FileProfile` has no table to answer from"
    );
    let error = answer(&[], "_GetWatchlist('vips') | where Name == 'x'").await;
    let error = error.unwrap_err().to_string();
    assert_eq!(error, "the watchlist `vips` has no table to answer from");
    let error = answer(&[], "print geo_info_from_ip_address('1.2.3.4')").await;
    let error = error.unwrap_err().to_string();
    assert_eq!(
        error,
        "`geo_info_from_ip_address` has no table to answer from"
    );
    let error = answer(&[PROFILES], "print x = 1 | invoke FileProfile()").await;
    let error = error.unwrap_err().to_string();
    assert_eq!(error, "there is no column `SHA1` of type string to look up");
}

#[tokio::test]
async fn watchlists_have_columns_of_their_own() {
    let vips = (
        lookup::WATCHLIST,
        Some("vips"),
        "datatable(Account:string, Level:long, SearchKey:string)['ann', 1, 'ann', 'bob', 2, 'bob']",
    );
    let ranges = (
        lookup::WATCHLIST,
        Some("ranges"),
        "datatable(Range:string)['10.0.0.0/8']",
    );
    check(
        &[vips, ranges],
        "_GetWatchlist('vips') | where Level > 1 | project Account, SearchKey, WatchlistItem, \
         _DTItemId, LastUpdatedTimeUTC",
        &[r#"["bob","bob",{"Account":"bob","Level":2,"SearchKey":"bob"},"",null]"#],
    )
    .await;
    check(
        &[vips, ranges],
        "let alias = 'vips'; _GetWatchlist(alias, dynamic(['ann', 3])) | project Account",
        &[r#"["ann"]"#],
    )
    .await;
    check(
        &[vips, ranges],
        "_GetWatchlistAlias | sort by WatchlistAlias asc",
        &[r#"["ranges"]"#, r#"["vips"]"#],
    )
    .await;
}

#[tokio::test]
async fn addresses_have_devices_and_devices_addresses() {
    let devices = (
        lookup::DEVICE_FROM_IP,
        None,
        "datatable(Timestamp:datetime, IP:string, DeviceId:string)[
           datetime(2024-01-01), '10.0.0.1', 'd1', datetime(2024-01-03), '10.0.0.1', 'd2',
           datetime(2024-01-01), '10.0.0.1', 'd1']",
    );
    check(
        &[devices],
        "datatable(IP:string)['10.0.0.1', '10.0.0.2'] | invoke DeviceFromIP() \
         | project IP, DeviceId | sort by IP asc, DeviceId asc",
        &[
            r#"["10.0.0.1","d1"]"#,
            r#"["10.0.0.1","d2"]"#,
            r#"["10.0.0.2",""]"#,
        ],
    )
    .await;
    check(
        &[devices],
        "datatable(LocalIP:string)['10.0.0.1'] | invoke DeviceFromIP(LocalIP, datetime(2024-01-02)) \
         | project IP, DeviceId",
        &[r#"["10.0.0.1","d1"]"#],
    )
    .await;
    let addresses = (
        lookup::ASSIGNED_ADDRESSES,
        None,
        "datatable(DeviceId:string, DeviceName:string, Timestamp:datetime, IPAddress:string, \
         IPType:string)[
           'd1', 'host', datetime(2024-01-01), '10.0.0.1', 'Private',
           'd1', 'host', datetime(2024-01-02), '10.0.0.1', 'Private',
           'd1', 'host', datetime(2024-01-05), '10.0.0.9', 'Private',
           'd2', 'other', datetime(2024-01-01), '10.0.0.2', 'Private']",
    );
    for device in ["HOST", "d1"] {
        let query = format!(
            "AssignedIPAddresses('{device}', datetime(2024-01-03)) | project Timestamp, IPAddress, IPType"
        );
        let expected = r#"["2024-01-02T00:00:00.0000000Z","10.0.0.1","Private"]"#;
        check(&[addresses], &query, &[expected]).await;
    }
    check(
        &[addresses],
        "AssignedIPAddresses('d1') | summarize count(), make_list(NetworkAdapterType)",
        &[r#"[2,["",""]]"#],
    )
    .await;
    let seen = (
        lookup::SEEN_BY,
        None,
        "datatable(SeenDeviceId:string, DeviceId:string, DeviceName:string)[
           'd1', 'o1', 'one', 'd1', 'o2', 'two', 'd2', 'o1', 'one']",
    );
    check(
        &[seen],
        "datatable(DeviceId:string)['d1', 'd2'] | invoke SeenBy() | sort by DeviceId asc",
        &[r#"["o1","one"]"#, r#"["o2","two"]"#],
    )
    .await;
    check(&[seen], "SeenBy('d2')", &[r#"["o1","one"]"#]).await;
}

#[tokio::test]
async fn locations_come_from_the_longest_network() {
    let networks = (
        lookup::LOCATIONS,
        None,
        "datatable(network:string, country:string, state:string, city:string, latitude:real, \
         longitude:real)[
           '20.0.0.0/8', 'Australia', '', '', real(null), real(null),
           '20.53.203.0/24', 'Australia', 'New South Wales', 'Sydney', -33.5, 151.25,
           'nonsense', 'Nowhere', '', '', 0.0, 0.0,
           '2a03:2880::/32', 'Ireland', '', 'Dublin', 53.5, -6.25]",
    );
    check(
        &[networks],
        "datatable(n:int, ip:string)[1, '20.53.203.50', 2, '20.1.1.1', 3, '2a03:2880::1', 4, \
         '9.9.9.9', 5, 'x'] | extend l = geo_info_from_ip_address(ip) \
         | where l.country != 'Ireland' or n > 2 | sort by n asc \
         | project l, c = tostring(l.city), lat = toreal(l.latitude)",
        &[
            r#"[{"country":"Australia","state":"New South Wales","city":"Sydney","latitude":-33.5,"longitude":151.25},"Sydney",-33.5]"#,
            r#"[{"country":"Australia","state":"","city":"","latitude":null,"longitude":null},"",null]"#,
            r#"[{"country":"Ireland","state":"","city":"Dublin","latitude":53.5,"longitude":-6.25},"Dublin",53.5]"#,
            r#"[null,"",null]"#,
            r#"[null,"",null]"#,
        ],
    )
    .await;
    check(
        &[networks],
        "let f = (ip:string) { tostring(geo_info_from_ip_address(ip).city) }; \
         print a = toscalar(print f('20.53.203.1')), b = f('20.1.1.1')",
        &[r#"["Sydney",""]"#],
    )
    .await;
}
