//! What happened that morning. In the producer's account Ana, an analyst, queries
//! `sales-prod`, a loader polls it, Ben shares its data with the analytics account, and
//! a contractor is refused its deletion. Analytics takes the share up in another Region;
//! an archive in GovCloud is paused.

use jiff::{SignedDuration, Timestamp};

use crate::{
    cast::{Caller, Cast, Role},
    dice::Dice,
    event::{Event, Truth},
    family::{self, Cluster, Warehouse, Workgroup},
    json::Json,
    ordinary::ordinary,
    place::Place,
    sample::{Kind, PERSON, SampleObject},
};

const BROWSER: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36";
const NOTEBOOK: &str = "Boto3/1.42.50 md/Botocore#1.42.50 ua/2.1 os/macos#15.3 md/arch#arm64 lang/python#3.13.4 md/pyimpl#CPython m/Z,b,D cfg/retry-mode#legacy Botocore/1.42.50";
const AIRFLOW: &str = "Boto3/1.40.21 md/Botocore#1.40.21 ua/2.1 os/linux#6.1.141 md/arch#x86_64 lang/python#3.12.11 md/pyimpl#CPython m/Z,b cfg/retry-mode#adaptive Botocore/1.40.21 Airflow/3.0.4";

const PRODUCER_0905: &str = "AWSLogs/o-exampleorg/111122223333/CloudTrail/us-east-1/2026/03/02/111122223333_CloudTrail_us-east-1_20260302T0905Z_a1B2c3D4e5F6g7H8.json.gz";
const PRODUCER_0910: &str = "AWSLogs/o-exampleorg/111122223333/CloudTrail/us-east-1/2026/03/02/111122223333_CloudTrail_us-east-1_20260302T0910Z_i9J0k1L2m3N4o5P6.json.gz";
const PRODUCER_0925: &str = "AWSLogs/o-exampleorg/111122223333/CloudTrail/us-east-1/2026/03/02/111122223333_CloudTrail_us-east-1_20260302T0925Z_c0R1r2U3p4T5x6Y7.json.gz";
const ANALYTICS_0910: &str = "AWSLogs/o-exampleorg/444455556666/CloudTrail/eu-west-1/2026/03/02/444455556666_CloudTrail_eu-west-1_20260302T0910Z_q7R8s9T0u1V2w3X4.json.gz";
const ANALYTICS_0915: &str = "AWSLogs/o-exampleorg/444455556666/CloudTrail/eu-west-1/2026/03/02/444455556666_CloudTrail_eu-west-1_20260302T0915Z_y5Z6a7B8c9D0e1F2.json.gz";
const ARCHIVE_0915: &str = "AWSLogs/o-exampleorg/777788889999/CloudTrail/us-gov-west-1/2026/03/02/777788889999_CloudTrail_us-gov-west-1_20260302T0915Z_g3H4i5J6k7L8m9N0.json.gz";

const ANALYTICS_ACCOUNT: &str = "444455556666";

pub(super) fn objects() -> Vec<SampleObject> {
    let people = People::new();
    vec![
        morning_on_sales_prod(&people),
        sharing_and_refusal(&people),
        share_taken_up(&people),
        workgroup_at_work(&people),
        archive_paused(),
        lost_in_transfer(&people),
    ]
}

/// Those who act in more than one object, and what they act on.
struct People {
    producer: Place,
    analytics: Place,
    sales: Cluster,
    insight: Cluster,
    marketing: Workgroup,
    ana_at_console: Caller,
    ana_in_notebook: Caller,
    ana_in_analytics: Caller,
    ben: Caller,
    loader: Caller,
    contractor: Caller,
    priya: Caller,
}

impl People {
    fn new() -> Self {
        let mut dice = Dice::new(20_260_302);
        let dice = &mut dice;
        let producer = Place::new("111122223333", "us-east-1");
        let analytics = Place::new(ANALYTICS_ACCOUNT, "eu-west-1");
        let identity_center = |place: &Place, name: &'static str, dice: &mut Dice| {
            Role::new(
                place,
                "/aws-reserved/sso.amazonaws.com/eu-west-1/",
                name,
                dice,
            )
        };
        let analyst = identity_center(
            &producer,
            "AWSReservedSSO_DataAnalyst_8f2c4a1b9d3e7056",
            dice,
        );
        let analyst_abroad = identity_center(
            &analytics,
            "AWSReservedSSO_DataAnalyst_1b7d90e3a2c64f58",
            dice,
        );
        let admin = identity_center(
            &producer,
            "AWSReservedSSO_DataPlatformAdmin_c35e1f7a90b24d68",
            dice,
        );
        let admin_abroad = identity_center(
            &analytics,
            "AWSReservedSSO_DataPlatformAdmin_74d2b86e5f01a93c",
            dice,
        );
        let loader = Role::new(&producer, "/etl/", "nightly-loader", dice);
        let since = time("08:50:00");
        Self {
            sales: Cluster::new(&producer, "sales-prod", dice),
            insight: Cluster::new(&analytics, "insight", dice),
            marketing: Workgroup::new("marketing", dice),
            ana_at_console: analyst
                .session(PERSON, since, dice)
                .at_console(dice)
                .with("203.0.113.45", BROWSER),
            ana_in_notebook: analyst.session(PERSON, since, dice).with("203.0.113.45", NOTEBOOK),
            ana_in_analytics: analyst_abroad
                .session(PERSON, since, dice)
                .with("203.0.113.45", NOTEBOOK),
            ben: admin
                .session("ben.okafor@example.com", since, dice)
                .at_console(dice)
                .with("198.51.100.17", BROWSER),
            loader: loader
                .session("airflow-worker-7", since, dice)
                .with("192.0.2.80", AIRFLOW),
            contractor: Caller::user(&producer, "contractors/carlos.mendes", dice)
                .with("198.51.100.200", "aws-cli/2.27.50 md/awscrt#0.26.1 ua/2.1 os/windows#11 md/arch#amd64 lang/python#3.13.4 md/pyimpl#CPython md/prompt#off md/command#redshift.delete-cluster"),
            priya: admin_abroad
                .session("priya.nair@example.com", since, dice)
                .at_console(dice)
                .with("198.51.100.61", BROWSER),
            producer,
            analytics,
        }
    }
}

fn morning_on_sales_prod(people: &People) -> SampleObject {
    let People {
        producer: place,
        sales,
        ana_at_console,
        ana_in_notebook: ana,
        loader,
        ..
    } = people;
    let mut chapter = Chapter::new(place, "08:55:00", "09:04:00", 905);
    chapter.at("08:55:12", family::list_tabs(ana_at_console.clone()));
    chapter.at(
        "08:55:20",
        family::describe_clusters(place, ana_at_console.clone(), None),
    );
    chapter.at(
        "08:55:31",
        family::describe_clusters(place, ana_at_console.clone(), Some(sales)),
    );
    let connection =
        family::create_connection(place, ana_at_console.clone(), sales, &mut chapter.dice);
    chapter.at("08:56:04", connection);
    chapter.at(
        "08:56:40",
        family::get_cluster_credentials(place, ana.clone(), sales, "analyst"),
    );
    chapter.query(ana, Warehouse::Cluster(sales), "08:57:02", 2);
    chapter.query(ana, Warehouse::Cluster(sales), "08:58:30", 1);
    chapter.query(loader, Warehouse::Cluster(sales), "08:59:15", 5);
    chapter.poll(loader, sales, "08:55:00", 18);
    for at in ["08:57:03", "08:59:16"] {
        let kms = family::kms_by_redshift(place, sales, time(at), &mut chapter.dice);
        chapter.at(at, kms);
    }
    let copy = family::assume_role_by_redshift(place, &mut chapter.dice);
    chapter.at("08:59:17", copy);
    chapter.object(PRODUCER_0905, Kind::Log, 100)
}

fn sharing_and_refusal(people: &People) -> SampleObject {
    let People {
        producer: place,
        sales,
        ana_in_notebook: ana,
        ben,
        loader,
        contractor,
        ..
    } = people;
    let mut chapter = Chapter::new(place, "09:00:00", "09:09:00", 910);
    let statement = chapter.statement(ana, Warehouse::Cluster(sales), "09:01:10");
    chapter.at(
        "09:01:14",
        family::on_statement(place, ana.clone(), "DescribeStatement", &statement),
    );
    chapter.at(
        "09:01:30",
        family::on_statement(place, ana.clone(), "CancelStatement", &statement),
    );
    let admin = format!("dbuser:{}/admin", sales.name);
    chapter.at(
        "09:05:40",
        family::get_cluster_credentials(place, ana.clone(), sales, "admin")
            .denied(&place.arn("redshift", &admin)),
    );

    chapter.at(
        "09:02:05",
        family::describe_clusters(place, ben.clone(), Some(sales)),
    );
    chapter.at(
        "09:03:20",
        family::create_cluster_snapshot(place, ben.clone(), sales, "before-sharing-20260302"),
    );
    chapter.at(
        "09:03:41",
        family::kms_grant_for_cluster(place, ben.clone(), sales),
    );
    chapter.at(
        "09:04:12",
        family::authorize_data_share(place, ben.clone(), sales, "sales_share", ANALYTICS_ACCOUNT),
    );
    chapter.at("09:08:02", family::tag_cluster(place, ben.clone(), sales));

    for at in ["09:06:33", "09:06:51"] {
        chapter.at(
            at,
            family::change_cluster(place, contractor.clone(), "DeleteCluster", sales)
                .denied(&sales.arn(place)),
        );
    }
    let root = Caller::root(place, time("08:59:30"), &mut chapter.dice);
    chapter.at("09:07:15", family::describe_clusters(place, root, None));
    chapter.poll(loader, sales, "09:04:00", 10);
    let kms = family::kms_by_redshift(place, sales, time("09:03:25"), &mut chapter.dice);
    chapter.at("09:03:25", kms);
    chapter.object(PRODUCER_0910, Kind::Log, 72)
}

fn share_taken_up(people: &People) -> SampleObject {
    let People {
        producer,
        analytics: place,
        sales,
        insight,
        marketing,
        ana_in_analytics: ana,
        priya,
        ..
    } = people;
    let mut chapter = Chapter::new(place, "09:01:00", "09:09:00", 4_910);
    let share = sales.datashare_arn(producer, "sales_share");
    chapter.at(
        "09:05:50",
        family::describe_clusters(place, priya.clone(), Some(insight)),
    );
    chapter.at(
        "09:06:20",
        family::associate_data_share_consumer(place, priya.clone(), insight, &share),
    );
    chapter.at(
        "09:07:01",
        family::get_credentials(place, ana.clone(), marketing),
    );
    chapter.query(ana, Warehouse::Workgroup(marketing), "09:07:20", 3);
    let kms = family::kms_by_redshift(place, insight, time("09:06:22"), &mut chapter.dice);
    chapter.at("09:06:22", kms);
    chapter.object(ANALYTICS_0910, Kind::Log, 60)
}

fn workgroup_at_work(people: &People) -> SampleObject {
    let People {
        analytics: place,
        insight,
        marketing,
        priya,
        ..
    } = people;
    let mut chapter = Chapter::new(place, "09:06:00", "09:14:00", 4_915);
    let partner = Caller::federated(
        place,
        "partner-portal",
        "portal-issuer",
        time("09:00:00"),
        &mut chapter.dice,
    );
    let dashboards = Role::new(place, "/service-role/", "bi-dashboards", &mut chapter.dice);
    let dashboards = dashboards.session("refresh", time("09:00:00"), &mut chapter.dice);
    chapter.at(
        "09:09:10",
        family::get_workgroup(place, priya.clone(), marketing),
    );
    chapter.at(
        "09:09:25",
        family::update_workgroup(place, priya.clone(), marketing),
    );
    chapter.query(&partner, Warehouse::Workgroup(marketing), "09:10:05", 2);
    chapter.at(
        "09:10:40",
        family::get_credentials(place, partner, marketing).denied(&marketing.arn(place)),
    );
    chapter.query(&dashboards, Warehouse::Cluster(insight), "09:11:00", 4);
    chapter.query(&dashboards, Warehouse::Cluster(insight), "09:12:00", 4);
    let gone = Cluster::new(place, "insight-old", &mut chapter.dice);
    chapter.at(
        "09:12:30",
        family::describe_clusters(place, dashboards, Some(&gone))
            .failed("ClusterNotFound", "Cluster insight-old not found."),
    );
    let copy = family::assume_role_by_redshift(place, &mut chapter.dice);
    chapter.at("09:11:02", copy);
    chapter.object(ANALYTICS_0915, Kind::Log, 53)
}

fn archive_paused() -> SampleObject {
    let place = &Place::new("777788889999", "us-gov-west-1");
    let mut chapter = Chapter::new(place, "09:05:00", "09:14:00", 7_915);
    let archive = Cluster::new(place, "records-archive", &mut chapter.dice);
    let operator = Role::new(place, "/", "archive-operator", &mut chapter.dice);
    let operator = operator.session("maintenance", time("09:00:00"), &mut chapter.dice);
    let auditor = Caller::user(place, "auditors/m.stone", &mut chapter.dice);
    chapter.at(
        "09:06:10",
        family::describe_clusters(place, auditor, Some(&archive)),
    );
    chapter.at(
        "09:07:00",
        family::create_cluster_snapshot(place, operator.clone(), &archive, "before-pause"),
    );
    chapter.at(
        "09:09:00",
        family::change_cluster(place, operator.clone(), "PauseCluster", &archive),
    );
    chapter.poll(&operator, &archive, "09:09:10", 4);
    let kms = family::kms_by_redshift(place, &archive, time("09:07:05"), &mut chapter.dice);
    chapter.at("09:07:05", kms);
    chapter.object(ARCHIVE_0915, Kind::Log, 41)
}

/// Its events must not be found: the object's end is missing.
fn lost_in_transfer(people: &People) -> SampleObject {
    let People {
        producer: place,
        sales,
        ana_in_notebook: ana,
        contractor,
        ..
    } = people;
    let mut chapter = Chapter::new(place, "09:15:00", "09:24:00", 925);
    chapter.at(
        "09:15:02",
        family::get_cluster_credentials(place, ana.clone(), sales, "analyst"),
    );
    chapter.query(ana, Warehouse::Cluster(sales), "09:15:20", 2);
    chapter.at(
        "09:16:00",
        family::change_cluster(place, contractor.clone(), "DeleteCluster", sales)
            .denied(&sales.arn(place)),
    );
    chapter.object(PRODUCER_0925, Kind::Truncated, 45)
}

/// One log object in the making: what the story tells, then the noise around it.
struct Chapter<'a> {
    place: &'a Place,
    start: Timestamp,
    end: Timestamp,
    dice: Dice,
    events: Vec<(Timestamp, Event)>,
}

impl<'a> Chapter<'a> {
    fn new(place: &'a Place, start: &str, end: &str, seed: u64) -> Self {
        Self {
            place,
            start: time(start),
            end: time(end),
            dice: Dice::new(seed),
            events: Vec::new(),
        }
    }

    fn at(&mut self, at: &str, event: Event) {
        self.events.push((time(at), event));
    }

    fn later(&mut self, start: &str, seconds: i64, event: Event) {
        self.events
            .push((time(start) + SignedDuration::from_secs(seconds), event));
    }

    /// Runs a statement and gives its id.
    fn statement(&mut self, caller: &Caller, warehouse: Warehouse<'_>, at: &str) -> String {
        let id = self.dice.uuid();
        self.at(
            at,
            family::execute_statement(self.place, caller.clone(), warehouse, &id),
        );
        id
    }

    /// Runs a statement, looks `polls` times whether it is done, and fetches its result.
    fn query(&mut self, caller: &Caller, warehouse: Warehouse<'_>, at: &str, polls: i64) {
        let id = self.statement(caller, warehouse, at);
        for poll in 1..=polls {
            let look = family::on_statement(self.place, caller.clone(), "DescribeStatement", &id);
            self.later(at, 3 * poll, look);
        }
        let fetch = family::on_statement(self.place, caller.clone(), "GetStatementResult", &id);
        self.later(at, 3 * polls + 1, fetch);
    }

    /// Asks for the cluster's state every half minute.
    fn poll(&mut self, caller: &Caller, cluster: &Cluster, start: &str, times: i64) {
        for poll in 0..times {
            let look = family::describe_clusters(self.place, caller.clone(), Some(cluster));
            self.later(start, 30 * poll, look);
        }
    }

    /// The object, with other services' events added up to `records` records.
    fn object(mut self, key: &'static str, kind: Kind, records: usize) -> SampleObject {
        let mut cast = Cast::new(self.place, self.start, &mut self.dice);
        let span = self.end.duration_since(self.start).as_secs();
        while self.events.len() < records {
            let at = self.start + SignedDuration::from_secs(self.dice.between(0, span));
            let event = ordinary(self.place, &mut cast, at, &mut self.dice);
            self.events.push((at, event));
        }
        self.events.sort_by_key(|(at, _)| *at);
        // CloudTrail promises no order within an object: let a few neighbours change places.
        for _ in 0..records / 10 {
            let index = self.dice.below(records - 1);
            self.events.swap(index, index + 1);
        }
        let mut items = Vec::new();
        let mut truth: Vec<Truth> = Vec::new();
        for (at, event) in self.events {
            let stamped = event.stamp(at, self.place, &mut self.dice);
            items.push(stamped.json);
            truth.extend(stamped.truth);
        }
        if kind != Kind::Log {
            truth.clear();
        }
        let records = items.len();
        let document = crate::json::object! {"Records": Json::List(items)};
        SampleObject {
            key,
            kind,
            plain: (document.to_compact() + "\n").into_bytes(),
            records,
            truth,
        }
    }
}

/// A time of the story's day.
fn time(clock: &str) -> Timestamp {
    format!("2026-03-02T{clock}Z")
        .parse()
        .expect("the story's times are written as HH:MM:SS")
}
