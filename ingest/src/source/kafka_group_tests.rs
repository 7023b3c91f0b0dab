//! Group tests: our consumer against a broker in this process that does what a test tells it.
//! Offsets that vanish in the middle of a run are tested end to end: librdkafka cannot read this broker's answer to them.

mod stage;
mod whole;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use krafka::Record;
use krafka::error::ErrorCode;
use krafka::testing::{ApiKey, Control, FakeBroker};
use ticklake_lake::LakeError;

use self::stage::{
    FOR_EVER, MAX_POLL_INTERVAL, Run, TICK, TOPIC, Wish, broker, change, joins, overtaken, places, produce, rebalance, source,
    until,
};
use super::RawBatch;
use super::kafka::{Assignment, BatchLimits, Cursors, KafkaSource, Membership, OnGap};
use crate::error::IngestError;

const BOTH: [Assignment; 2] = [Assignment::CooperativeSticky, Assignment::Eager];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebalance_never_costs_or_repeats_a_tick() {
    for assignment in BOTH {
        let broker = broker(2).await;
        produce(&broker, 2, 10).await;
        let run = Wish::of(&broker).by(assignment).start();
        run.until_landed(20).await;
        for _ in 0..2 {
            produce(&broker, 2, 10).await;
            rebalance(&broker).await;
        }
        run.until_landed(60).await;
        assert_eq!(run.stop().await, places(2, 0..30), "{assignment:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebalance_at_the_end_never_costs_the_tick_after_it() {
    let broker = broker(1).await;
    produce(&broker, 1, 5).await;
    let run = Wish::of(&broker).start();
    run.until_landed(5).await;
    for landed in 6..9 {
        let (fetches, beats) = (broker.request_count(ApiKey::Fetch), broker.request_count(ApiKey::Heartbeat));
        until("its end is seen", || broker.request_count(ApiKey::Fetch) > fetches + 2).await;
        rebalance(&broker).await;
        until("the group is at rest", || broker.request_count(ApiKey::Heartbeat) > beats + 2).await;
        produce(&broker, 1, 1).await;
        run.until_landed(landed).await;
    }
    assert_eq!(run.stop().await, places(1, 0..8));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_in_the_middle_of_a_rebalance_never_waits_for_ever() {
    for assignment in BOTH {
        for _ in 0..5 {
            let broker = broker(1).await;
            let run = Wish::of(&broker).by(assignment).start();
            until("it reads", || broker.request_count(ApiKey::Fetch) > 0).await;
            rebalance(&broker).await;
            run.shared.stop.store(true, Ordering::SeqCst);
            until("it has stopped collecting", || run.collected()).await;
            assert!(run.stop().await.is_empty(), "{assignment:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_never_holds_more_than_it_may_nor_skips_what_it_had_no_room_for() {
    let broker = broker(2).await;
    produce(&broker, 2, 300).await;
    let mut wish = Wish::of(&broker);
    wish.kafka.membership = Membership::All;
    let reading = tokio::task::spawn_blocking(move || {
        let source = KafkaSource::connect(&wish.kafka, 1 << 20).unwrap();
        let (mut cursors, mut ended, mut found) = (Cursors::from([(0, 0), (1, 0)]), BTreeSet::new(), Vec::new());
        source.assign(&cursors).unwrap();
        for rows_max in [1, 7, 150, 300].into_iter().cycle() {
            let mut batch = RawBatch::default();
            let limits = BatchLimits { rows_max, ..BatchLimits::default() };
            source.fill(&mut batch, &mut cursors, &mut ended, &limits).unwrap();
            assert!(batch.records.len() <= rows_max);
            found.extend(batch.records.iter().map(|record| (record.partition, record.offset)));
            if ended.len() == 2 {
                return found;
            }
        }
        unreachable!("the cycle never ends")
    });
    let mut found = reading.await.unwrap();
    assert!(found.chunk_by(|a, b| a.0 == b.0).all(|run| run.is_sorted()), "a partition's messages stay in order");
    found.sort_unstable();
    assert_eq!(found, places(2, 0..300));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_lost_partition_brought_is_dropped_and_never_committed_over_its_next_owner() {
    for assignment in BOTH {
        let broker = broker(1).await;
        let run = overtaken(&broker, assignment).await;
        broker.on_once(ApiKey::Heartbeat, |_| Control::Error(ErrorCode::UnknownMemberId));
        until("what the next owner left is read again", || run.consumed() == 25).await;
        assert_eq!(run.shared.epoch.load(Ordering::SeqCst), 0, "nothing was tried in vain");
        assert_eq!(run.stop().await, (15..20).map(|o| (0, o)).collect::<Vec<_>>(), "{assignment:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_owner_that_learns_of_nothing_never_commits_over_another() {
    let broker = broker(1).await;
    let run = overtaken(&broker, Assignment::CooperativeSticky).await;
    // Thawed, it flushes at once, before the group has told it anything.
    run.shared.stop.store(true, Ordering::SeqCst);
    assert!(run.stop().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_are_never_given_up_within_the_budget_before_what_they_brought_is_durable() {
    let broker = broker(1).await;
    let mut wish = Wish::of(&broker).by(Assignment::Eager).holding();
    wish.kafka.librdkafka.insert("max.poll.interval.ms".into(), FOR_EVER.as_millis().to_string());
    let run = wish.start();
    produce(&broker, 1, 5).await;
    until("everything is held", || run.consumed() == 5).await;
    run.gate.send(false).unwrap();
    let before = joins(&broker);
    broker.on(ApiKey::Heartbeat, |_| Control::Error(ErrorCode::RebalanceInProgress));
    until("the window is closed", || run.shared.progress.standing().closed.len() == 1).await;
    let beats = broker.request_count(ApiKey::Heartbeat);
    until("the group asks again", || broker.request_count(ApiKey::Heartbeat) > beats + 5).await;
    assert_eq!((joins(&broker), run.landed()), (before, 0), "it keeps them while its store is away");
    run.gate.send(true).unwrap();
    until("it has joined again", || joins(&broker) > before).await;
    assert_eq!(run.landed(), 5);
    broker.clear_hooks();
    assert_eq!(run.stop().await, places(1, 0..5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoke_never_waits_for_a_store_beyond_its_budget() {
    let broker = broker(1).await;
    let mut wish = Wish::of(&broker).by(Assignment::Eager).holding();
    wish.window.rows_max = 10;
    let run = wish.start();
    until("it reads", || broker.request_count(ApiKey::Fetch) > 0).await;
    run.gate.send(false).unwrap();
    // One window in the publisher's hands, one waiting, half a third one that can go nowhere.
    produce(&broker, 1, 25).await;
    until("everything is held", || run.consumed() == 25).await;
    rebalance(&broker).await;
    assert_eq!(run.landed(), 0, "it has given its partitions up for that");
    run.gate.send(true).unwrap();
    until("what was dropped is read again", || run.consumed() >= 30).await;
    assert_eq!(run.stop().await, places(1, 0..25));
}

/// A run whose store is away, with windows of 10 ticks: one in the publisher's hands, one waiting, a full one that can go
/// nowhere.
async fn stuck(broker: &FakeBroker, assignment: Assignment, max_poll_interval: Duration) -> Run {
    let mut wish = Wish::of(broker).by(assignment).holding();
    wish.window.rows_max = 10;
    wish.kafka.librdkafka.insert("max.poll.interval.ms".into(), max_poll_interval.as_millis().to_string());
    let run = wish.start();
    until("it reads", || broker.request_count(ApiKey::Fetch) > 0).await;
    run.gate.send(false).unwrap();
    produce(broker, 1, 40).await;
    until("a full window waits", || run.consumed() >= 30).await;
    // The publisher of these tests does not say when it has taken one.
    until("all three count", || run.shared.progress.standing().closed.len() == 3).await;
    run
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoke_never_waits_for_a_full_window_to_go_somewhere() {
    let broker = broker(1).await;
    let run = stuck(&broker, Assignment::Eager, MAX_POLL_INTERVAL).await;
    rebalance(&broker).await;
    assert_eq!(run.landed(), 0, "it has given its partitions up for that");
    assert_eq!(run.shared.progress.standing().closed.len(), 2, "what was dropped counts no longer");
    run.gate.send(true).unwrap();
    run.until_landed(40).await;
    assert_eq!(run.stop().await, places(1, 0..40), "what was dropped is read again, once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_partition_never_waits_for_a_full_window_nor_commits_it_over_its_next_owner() {
    for assignment in BOTH {
        let broker = broker(1).await;
        // Far beyond what a test waits: a partition that is lost has no budget.
        let run = stuck(&broker, assignment, FOR_EVER).await;
        let before = joins(&broker);
        broker.on_once(ApiKey::Heartbeat, |_| Control::Error(ErrorCode::UnknownMemberId));
        until("it has joined again", || joins(&broker) > before).await;
        assert_eq!(run.landed(), 0, "with the store still away");
        run.commit_elsewhere(10);
        run.gate.send(true).unwrap();
        run.until_landed(30).await;
        assert_eq!(run.stop().await, places(1, 10..40), "{assignment:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_never_waits_for_a_store_once_the_partitions_are_lost() {
    let broker = broker(1).await;
    let run = stuck(&broker, Assignment::CooperativeSticky, FOR_EVER).await;
    run.shared.stop.store(true, Ordering::SeqCst);
    broker.on_once(ApiKey::Heartbeat, |_| Control::Error(ErrorCode::UnknownMemberId));
    until("it has stopped collecting", || run.collected()).await;
    run.gate.send(true).unwrap();
    assert_eq!(run.stop().await, places(1, 0..20), "what was handed on; the rest is read again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_never_costs_the_membership() {
    let broker = broker(1).await;
    let mut wish = Wish::of(&broker).holding();
    wish.window.rows_max = 10;
    let run = wish.start();
    until("it reads", || broker.request_count(ApiKey::Fetch) > 0).await;
    run.gate.send(false).unwrap();
    produce(&broker, 1, 40).await;
    until("windows wait", || run.consumed() >= 30).await;
    let since = Instant::now();
    until("the group would have lost patience twice", || since.elapsed() > 2 * MAX_POLL_INTERVAL).await;
    assert_eq!((joins(&broker), run.landed()), (1, 0));
    run.gate.send(true).unwrap();
    run.until_landed(40).await;
    assert_eq!(joins(&broker), 1);
    assert_eq!(run.stop().await, places(1, 0..40));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_partition_is_never_read_from_elsewhere_than_its_beginning() {
    let broker = broker(1).await;
    produce(&broker, 1, 5).await;
    let run = Wish::of(&broker).start();
    run.until_landed(5).await;
    broker.add_partitions(TOPIC, 3);
    produce(&broker, 3, 5).await;
    run.until_landed(20).await;
    let mut expected = places(3, 0..5);
    expected.extend((5..10).map(|o| (0, o)));
    expected.sort_unstable();
    assert_eq!(run.stop().await, expected);
}

/// A log that ends at offset 10.
fn after_10(mut wish: Wish, on_gap: OnGap) -> Wish {
    wish.log.offsets.fold(&source().app_id(0), 10);
    wish.kafka.on_gap = on_gap;
    wish
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_never_passes_unnoticed_nor_costs_what_kafka_still_has() {
    let broker = broker(1).await;
    change(&broker, 0, |p| (p.log_start_offset, p.next_offset) = (20, 20));
    produce(&broker, 1, 5).await;
    let (error, landed) = after_10(Wish::of(&broker), OnGap::Stop).start().failed().await;
    assert!(
        matches!(error, IngestError::Lake(LakeError::Gap { partition: 0, committed: 10, from: 20, lost: 10, .. })),
        "{error}"
    );
    assert!(landed.is_empty());
    let run = after_10(Wish::of(&broker), OnGap::Accept).start();
    run.until_landed(5).await;
    let declared: Vec<String> = run.log.lock().unwrap().offsets.gaps(&source(), 0).map(|gap| gap.to_string()).collect();
    assert!(run.end(0) == Some(25) && declared.len() == 1 && declared[0].starts_with("[10, 20) gone from Kafka"), "{declared:?}");
    assert_eq!(run.stop().await, places(1, 20..25));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_was_cut_off_is_never_read_on() {
    let broker = broker(1).await;
    produce(&broker, 1, 5).await;
    for on_gap in [OnGap::Stop, OnGap::Accept] {
        let (error, landed) = after_10(Wish::of(&broker), on_gap).start().failed().await;
        for part in ["ticks/0", "offset 10", "ends at 5", "--source NEWNAME"] {
            assert!(error.to_string().contains(part), "{error}");
        }
        assert!(landed.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_made_after_kafka_was_asked_is_never_taken_for_a_topic_that_was_cut_off() {
    let broker = broker(1).await;
    produce(&broker, 1, 5).await;
    let run = Wish::of(&broker).start();
    run.gate.send(false).unwrap();
    until("Kafka has said where it begins and ends", || broker.request_count(ApiKey::ListOffsets) >= 2).await;
    produce(&broker, 1, 10).await;
    run.commit_elsewhere(12);
    run.gate.send(true).unwrap();
    run.until_landed(3).await;
    assert_eq!(run.stop().await, places(1, 12..15));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_deleted_while_it_is_read_never_costs_what_was_read() {
    for alone in [false, true] {
        let broker = broker(1).await;
        produce(&broker, 1, 10).await;
        let mut wish = Wish::of(&broker).holding();
        if alone {
            wish.kafka.membership = Membership::All;
            // librdkafka doubts that a topic is gone for 30 s.
            wish.kafka.librdkafka.insert("topic.metadata.propagation.max.ms".into(), "200".into());
        }
        let run = wish.start();
        until("everything is held", || run.consumed() == 10).await;
        broker.delete_topic(TOPIC);
        let (error, landed) = run.failed().await;
        assert!(error.to_string().contains("reading cannot go on: topic ticks does not exist"), "{error}");
        assert_eq!(landed, places(1, 0..10), "without a group: {alone}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offsets_without_a_message_are_never_left_behind_at_the_end() {
    let broker = broker(1).await;
    produce(&broker, 1, 3).await;
    let run = Wish::of(&broker).start();
    run.until_landed(3).await;
    let producer = broker.kafka().connect().await.unwrap().producer().build_transactional("writer").await.unwrap();
    for commit in [true, false] {
        producer.begin().unwrap();
        for _ in 0..4 {
            assert!(producer.send(Record::new(TOPIC, TICK).partition(0)).await.unwrap().is_persisted());
        }
        if commit {
            producer.commit().await.unwrap()
        } else {
            producer.abort().await.unwrap()
        };
        let end = broker.next_offset(TOPIC, 0);
        until("the log ends where Kafka does", || run.end(0) == end).await;
    }
    // 3 plain, 4 committed and their marker, 4 aborted and theirs.
    assert_eq!(run.end(0), Some(13));
    assert_eq!(run.stop().await, places(1, 0..7));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_restarts_is_never_given_up() {
    let broker = broker(2).await;
    produce(&broker, 2, 5).await;
    let run = Wish::of(&broker).start();
    run.until_landed(10).await;
    broker.crash(0);
    until("it is noticed", || broker.open_connections() == 0).await;
    broker.restart(0);
    produce(&broker, 2, 5).await;
    run.until_landed(20).await;
    assert_eq!(run.stop().await, places(2, 0..10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assignment_never_costs_the_membership_while_nobody_says_where_it_starts() {
    let broker = broker(2).await;
    produce(&broker, 2, 5).await;
    broker.on(ApiKey::ListOffsets, |_| Control::Disconnect);
    let run = Wish::of(&broker).start();
    until("it asks", || broker.request_count(ApiKey::ListOffsets) > 0).await;
    let since = Instant::now();
    until("the group would have lost patience twice", || since.elapsed() > 2 * MAX_POLL_INTERVAL).await;
    assert_eq!((joins(&broker), run.landed()), (1, 0));
    broker.clear_hooks();
    run.until_landed(10).await;
    assert_eq!(joins(&broker), 1);
    assert_eq!(run.stop().await, places(2, 0..5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_never_waits_for_a_broker_that_is_away() {
    let broker = broker(1).await;
    broker.on(ApiKey::ListOffsets, |_| Control::Disconnect);
    let run = Wish::of(&broker).start();
    until("it asks", || broker.request_count(ApiKey::ListOffsets) > 0).await;
    run.shared.stop.store(true, Ordering::SeqCst);
    until("it has stopped collecting", || run.collected()).await;
    assert!(run.stop().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_asked_for_by_number_never_bring_others_nor_a_group() {
    let broker = broker(3).await;
    produce(&broker, 3, 5).await;
    let mut wish = Wish::of(&broker);
    wish.kafka.membership = Membership::Only(BTreeSet::from([0, 2]));
    let run = wish.start();
    run.until_landed(10).await;
    assert_eq!(run.stop().await.into_iter().map(|(p, _)| p).collect::<BTreeSet<_>>(), BTreeSet::from([0, 2]));
    assert_eq!(joins(&broker), 0);
    let mut wish = Wish::of(&broker);
    wish.kafka.membership = Membership::Only(BTreeSet::from([0, 7, 8]));
    let (error, _) = wish.start().failed().await;
    assert!(matches!(&error, IngestError::Missing(text) if text.contains("[7, 8]") && text.contains("--partitions")), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_taken_by_another_process_is_never_a_riddle() {
    let broker = broker(1).await;
    let mut wish = Wish::of(&broker);
    wish.kafka.membership = Membership::Group { assignment: Assignment::CooperativeSticky, instance: Some("one".into()) };
    let run = wish.start();
    until("it has joined", || broker.request_count(ApiKey::Heartbeat) > 0).await;
    let name = broker.with_state(|state| state.groups["g"].members[0].group_instance_id.clone());
    assert_eq!(name.as_deref(), Some("one"));
    broker.on_once(ApiKey::Heartbeat, |_| Control::Error(ErrorCode::FencedInstanceId));
    let (error, _) = run.failed().await;
    assert!(error.to_string().contains("--group-instance-id"), "{error}");
}

/// So many committed transactions of 4 ticks to each partition, each fetched before the next. While partitions are paused
/// nothing is, but hearts beat.
async fn transactions(broker: &FakeBroker, partitions: i32, rounds: usize) {
    let producer = broker.kafka().connect().await.unwrap().producer().build_transactional("writer").await.unwrap();
    for _ in 0..rounds {
        for partition in 0..partitions {
            producer.begin().unwrap();
            for _ in 0..4 {
                assert!(producer.send(Record::new(TOPIC, TICK).partition(partition)).await.unwrap().is_persisted());
            }
            producer.commit().await.unwrap();
            let asked = || [ApiKey::Fetch, ApiKey::Heartbeat].map(|key| broker.request_count(key));
            let before = asked();
            until("it is fetched, or would be", || asked().iter().zip(before).any(|(now, before)| *now > before + 2)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_marker_from_before_a_pause_never_steps_over_the_ticks_before_it() {
    let broker = broker(2).await;
    let mut wish = Wish::of(&broker);
    wish.kafka.membership = Membership::All;
    let source = tokio::task::spawn_blocking(move || {
        let source = KafkaSource::connect(&wish.kafka, 1 << 20).unwrap();
        source.assign(&Cursors::from([(0, 0), (1, 0)])).unwrap();
        source
    });
    let source = source.await.unwrap();
    transactions(&broker, 2, 5).await;
    let reading = tokio::task::spawn_blocking(move || {
        let (mut cursors, mut ended, mut batch) = (Cursors::from([(0, 0), (1, 0)]), BTreeSet::new(), RawBatch::default());
        let mut fill = |cursors: &mut Cursors, wait_max| {
            let limits = BatchLimits { wait_max, ..BatchLimits::default() };
            source.fill(&mut batch, cursors, &mut ended, &limits).unwrap();
            batch.records.len()
        };
        let all = cursors.clone();
        assert_eq!(fill(&mut cursors, Duration::ZERO), 0, "the partitions to be read come first, without a message");
        for _ in 0..3 {
            source.pause(&all).unwrap();
            fill(&mut cursors, Duration::ZERO);
            source.resume(&all).unwrap();
        }
        let until = Instant::now() + Duration::from_secs(30);
        while fill(&mut cursors, Duration::from_millis(100)) < 40 && Instant::now() < until {}
        (fill(&mut cursors, Duration::ZERO), cursors)
    });
    assert_eq!(reading.await.unwrap(), (40, Cursors::from([(0, 25), (1, 25)])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_under_a_slow_store_and_rebalances_never_cost_a_tick() {
    let broker = broker(2).await;
    let run = Wish::of(&broker).start();
    until("it reads", || broker.request_count(ApiKey::Fetch) > 0).await;
    for _ in 0..3 {
        run.gate.send_replace(false);
        transactions(&broker, 2, 4).await;
        run.gate.send_replace(true);
        rebalance(&broker).await;
    }
    let end = broker.next_offset(TOPIC, 0);
    until("the log ends where Kafka does", || (0..2).all(|partition| run.end(partition) == end)).await;
    assert_eq!(run.stop().await.len(), 2 * 3 * 4 * 4);
}
