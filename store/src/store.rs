//! The open store: what the receiver appends to and queries take snapshots of.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use model::Nanos;
use tokio::sync::oneshot;

use crate::clock::{self, ClockGuard};
use crate::commit::{Acked, Append, Command, Committer};
use crate::compact::CompactionStats;
use crate::damage::{DamageKind, DamageStats};
use crate::disk::{DiskState, DiskStats};
use crate::error::{AppendError, OpenError};
use crate::files;
use crate::manifest::{FORMAT, Manifest, ManifestError};
use crate::memtable::PreparedRequest;
use crate::recovery::{self, Recovery};
use crate::retention::{Dropped, Retention};
use crate::rows::{Decisions, Rows};
use crate::schema::Table;
use crate::segment::Recent;
use crate::series::SeriesRoom;
use crate::snapshot::Snapshot;
use crate::sync_times::SyncStats;
use crate::view::Shared;
use crate::wal::acknowledged::Acknowledged;
use crate::wal::{self, WalWriter};

/// How a store behaves.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    pub dir: PathBuf,
    pub retention: Retention,
    /// With this many series, points of further ones are rejected; those of known ones are not.
    pub max_series: usize,
    /// With fewer bytes than this free on the disk, requests are refused for now; `None` goes by the size of the file system,
    /// 0 never refuses.
    pub disk_reserve: Option<u64>,
    /// Rows in memory are written to segments at this size in bytes …
    pub flush_bytes: usize,
    /// … or when the oldest of them has been there this long.
    pub flush_age: Duration,
    /// With this many bytes of rows in memory, waiting for the disk, requests are refused for now.
    pub max_memory_bytes: usize,
    /// Whether segments are compacted in the background; else by [`Store::compact_now`] alone.
    pub compact_automatically: bool,
    /// Memory that a compaction takes, about.
    pub compact_bytes: usize,
    /// Memory for what is kept of segments that were opened lately.
    pub cache_bytes: usize,
    /// Rows to a row group of a segment, or twice as many: what a read decodes at once.
    pub row_group_rows: usize,
    /// The length of a file of the log; a request that is longer gets a file of its own.
    pub log_file_bytes: u64,
}

impl StoreConfig {
    /// The settings for the data directory `dir`, with 512 MiB of memory.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self::with_memory(dir, 512 << 20)
    }

    /// The settings for the data directory `dir` where rows, caches, flushes and compactions may take `bytes` of memory together;
    /// the index of series comes on top.
    ///
    /// Three eighths are rows in memory at most: a flush is due at an eighth, and while it is written the rows that come take
    /// another eighth or two. Sorting and encoding it takes what they leave of the third. A compaction is told to hold rows of
    /// an eighth, and takes as much for what it reads and writes. One and a half are for caches: with fewer than the footers
    /// and dictionaries that a query over all segments opens, each query opens them again.
    pub fn with_memory(dir: impl Into<PathBuf>, bytes: usize) -> Self {
        let share = bytes / 8;
        StoreConfig {
            dir: dir.into(),
            retention: Retention::default(),
            max_series: 2_000_000,
            disk_reserve: None,
            flush_bytes: share,
            flush_age: Duration::from_secs(300),
            max_memory_bytes: 3 * share,
            compact_automatically: true,
            compact_bytes: share,
            cache_bytes: share + share / 2,
            row_group_rows: 64 << 10,
            log_file_bytes: 32 << 20,
        }
    }
}

/// A request that has been decoded and is to be stored.
pub struct Request {
    /// The receiver's own byte for what the body is; [`Decode`] gets it back.
    pub kind: u8,
    pub received_at: Nanos,
    /// What goes to the log, with what was decided of it in `rows`: [`Decode`] must make the same rows of both.
    pub body: Bytes,
    /// Whether the same body within ten minutes is a retry, to be acknowledged and not stored again.
    pub dedup: bool,
    pub rows: Rows,
}

/// Makes rows of a body from the log: `(rows, kind, body, received_at)`. `rows` are builders that know the store's series and what
/// was decided of the body when it was received, to be returned with its rows appended to what they have: bodies share them.
pub type Decode = Box<dyn Fn(Rows, u8, &[u8], Nanos) -> Result<Rows, String> + Send>;

/// What the store holds.
#[derive(Clone, Debug, Default)]
pub struct StoreStats {
    pub tables: Vec<TableStats>,
    pub series: usize,
    pub memory_rows: u64,
    pub memory_bytes: usize,
    /// With more, requests are refused for now.
    pub max_memory_bytes: usize,
    pub max_series: usize,
    /// Bytes of the log's files, of those kept for reuse too.
    pub log_bytes: u64,
    /// Requests that wait for the log, and how many may.
    pub queued: usize,
    pub max_queued: usize,
    pub sync: SyncStats,
    pub compaction: CompactionStats,
    pub disk: DiskStats,
    /// By how much the clock has jumped, while that is doubted: nothing is dropped by age.
    pub clock_jump: Option<Nanos>,
    pub damage: DamageStats,
    /// By the retention, in the order of [`Table::ALL`].
    pub dropped: [Dropped; Table::ALL.len()],
}

#[derive(Clone, Debug)]
pub struct TableStats {
    pub table: Table,
    pub rows: u64,
    pub segments: usize,
    /// Of these, segments as they were flushed: compaction has yet to merge them.
    pub uncompacted: usize,
    pub bytes: u64,
}

/// An open data directory. Dropping it closes it: what was acknowledged is in the log. When the last owner has let go of it, or
/// [`Store::close`] has returned, no thread of it touches the directory any more.
pub struct Store {
    pub(crate) config: StoreConfig,
    pub(crate) shared: Arc<Shared>,
    pub(crate) opened: Instant,
    pub(crate) clock: Mutex<ClockGuard>,
    /// Held during a round of retention.
    pub(crate) maintaining: Mutex<()>,
    /// None of them has a share in the store itself, so that it ends when its last owner lets go of it.
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// On the directory, for as long as the store is open.
    lock: Mutex<Option<Lock>>,
}

/// Requests queue up to this number for the committer.
const QUEUE: usize = 1024;

impl Store {
    /// Opens or creates the data directory and brings back what was acknowledged. Takes a lock on it.
    pub fn open(config: StoreConfig, decode: Decode) -> Result<(Arc<Store>, Recovery), OpenError> {
        let dir = config.dir.clone();
        let io = |source| OpenError::Io { path: dir.clone(), source };
        files::create_dir_all(&dir.join("wal")).map_err(io)?;
        for table in Table::ALL {
            files::create_dir_all(&dir.join("segments").join(table.name())).map_err(io)?;
        }
        let lock = lock(&dir)?;
        for (_, path) in wal::list(&dir.join("wal")).map_err(io)? {
            if let Some(found) = wal::newer_version(&path) {
                return Err(OpenError::NewerFormat { path, found, known: FORMAT });
            }
        }
        let (mut manifest, loaded) = Manifest::open(&dir).map_err(|error| match error {
            ManifestError::Io(source) => OpenError::Io { path: dir.join("manifest"), source },
            ManifestError::NewerFormat(found) => OpenError::NewerFormat { path: dir.clone(), found, known: FORMAT },
        })?;
        let whole = loaded.whole;
        let mut recovery = Recovery::default();
        loaded.damage.iter().for_each(|damage| recovery.note(DamageKind::Manifest, damage.into()));
        let highest = recovery::clear_orphans(&dir, &manifest, whole, &mut recovery);
        manifest.skip_ids(highest);
        let recent = Arc::new(Recent::new(config.cache_bytes));
        let segments = recovery::open_segments(&dir, manifest.state(), &recent, &mut recovery);
        let shared = Arc::new(Shared::new(&config, manifest, segments, recent));
        recovery::load_series(&shared.snapshot(), &shared.series, &mut recovery);
        let replayed = recovery::replay(&shared, &decode, whole, &mut recovery)
            .map_err(|error| OpenError::Io { path: error.path, source: std::io::Error::other(error.message) })?;
        let wal = WalWriter::new(&dir.join("wal"), replayed.files, replayed.next_sequence, config.log_file_bytes);
        shared.log_bytes.store(wal.bytes(), Ordering::Relaxed);
        let acknowledged = Acknowledged::open(&dir, replayed.acknowledged).map_err(io)?;
        let believed = clock::load(&dir.join("clock")).unwrap_or_else(|error| {
            recovery.note(DamageKind::Clock, error);
            None
        });
        recovery.places.iter().for_each(|(kind, error)| shared.recent.damage.note(*kind, error));
        // Not known before the first round of retention. The time of a request may be of a clock that had jumped.
        let clock = ClockGuard::since(believed.or(replayed.dedup.newest()));
        let (sender, receiver) = sync_channel(QUEUE);
        let (dedup, next_lsn) = (replayed.dedup, replayed.next_lsn);
        let committer = Committer { shared: Arc::clone(&shared), wal, acknowledged, dedup, next_lsn };
        let committer = spawn("haechi-commit", move || committer.run(receiver)).map_err(io)?;
        shared.set_commands(Some(sender));
        let store = Arc::new(Store {
            config,
            shared: Arc::clone(&shared),
            opened: Instant::now(),
            clock: Mutex::new(clock),
            maintaining: Mutex::new(()),
            threads: Mutex::new(vec![committer]),
            lock: Mutex::new(Some(lock)),
        });
        shared.disk.set_aside();
        if store.config.compact_automatically {
            let shared = Arc::clone(&shared);
            let compactor = spawn("haechi-compact", move || shared.run_compactor()).map_err(io)?;
            locked(&store.threads).push(compactor);
        }
        let flusher = spawn("haechi-flush", move || shared.run_flusher()).map_err(io)?;
        locked(&store.threads).push(flusher);
        Ok((store, recovery))
    }

    /// Builders for the rows of a request: they take no new series beyond [`StoreConfig::max_series`], and say that items older
    /// than `oldest_accepted` are to be rejected ([`crate::Reception`]).
    pub fn rows(&self, oldest_accepted: Nanos) -> Rows {
        let mut rows = Rows::default();
        rows.decide(Decisions::new(oldest_accepted));
        rows.metrics.limit(SeriesRoom::new(&self.shared.series, self.config.max_series));
        rows
    }

    /// Stores a request. When this returns `Ok`, its rows survive a crash and the next [`Store::snapshot`] has them.
    pub async fn append(&self, request: Request) -> Result<Acked, AppendError> {
        self.submit(request)?.await.unwrap_or(Err(AppendError::Failed))
    }

    /// [`Store::append`] for callers without a runtime.
    pub fn append_blocking(&self, request: Request) -> Result<Acked, AppendError> {
        self.submit(request)?.blocking_recv().unwrap_or(Err(AppendError::Failed))
    }

    fn submit(&self, request: Request) -> Result<oneshot::Receiver<Result<Acked, AppendError>>, AppendError> {
        let disk = self.shared.disk.stats();
        if disk.state == DiskState::Full {
            return Err(AppendError::Full { free: disk.free, reserve: disk.full });
        }
        let waiting = self.shared.memory_over(self.config.max_memory_bytes);
        if let Some(rows) = waiting {
            return Err(AppendError::Busy(rows));
        }
        let hash = if request.dedup { body_hash(request.kind, &request.body) } else { 0 };
        let Request { kind, received_at, body, mut rows, .. } = request;
        let decisions = rows.take_decisions().encode();
        let prepared = PreparedRequest::new(rows);
        let (reply, answer) = oneshot::channel();
        let append = Append { kind, received_at, hash, body, decisions, prepared, reply };
        let commands = self.shared.commands().ok_or(AppendError::Closed)?;
        // Before it is sent: the committer counts it down once it has it.
        self.shared.queued.fetch_add(1, Ordering::Relaxed);
        let error = match commands.try_send(Command::Append(append)) {
            Ok(()) => return Ok(answer),
            Err(TrySendError::Full(_)) => AppendError::Busy(QUEUE as u64),
            Err(TrySendError::Disconnected(_)) => AppendError::Closed,
        };
        self.shared.queued.fetch_sub(1, Ordering::Relaxed);
        Err(error)
    }

    /// How full the memory for rows would be with `more` bytes: 0 is empty; from 1 on, requests are refused until a flush has
    /// made room.
    pub fn pressure_with(&self, more: usize) -> f64 {
        let (_, bytes) = self.shared.memory();
        (bytes + more) as f64 / self.config.max_memory_bytes.max(1) as f64
    }

    /// The rows that are visible now.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.snapshot()
    }

    pub fn stats(&self) -> StoreStats {
        let snapshot = self.snapshot();
        let table_stats = |table: Table| {
            let segments = snapshot.segments.iter().filter(|segment| segment.table() == table);
            let mut stats = TableStats { table, rows: snapshot.n_rows(table), segments: 0, uncompacted: 0, bytes: 0 };
            for segment in segments {
                stats.segments += 1;
                stats.uncompacted += usize::from(segment.entry().level == 0);
                stats.bytes += segment.entry().bytes();
            }
            stats
        };
        let (memory_rows, memory_bytes) = self.shared.memory();
        StoreStats {
            tables: Table::ALL.map(table_stats).to_vec(),
            series: self.shared.series.len(),
            memory_rows,
            memory_bytes,
            max_memory_bytes: self.config.max_memory_bytes,
            max_series: self.config.max_series,
            log_bytes: self.shared.log_bytes.load(Ordering::Relaxed),
            queued: self.shared.queued.load(Ordering::Relaxed),
            max_queued: QUEUE,
            sync: self.shared.sync_times.stats(Instant::now()),
            compaction: self.shared.compactor.stats(),
            disk: self.shared.disk.stats(),
            clock_jump: locked(&self.clock).jump(),
            damage: self.shared.recent.damage.stats(),
            dropped: *locked(&self.shared.dropped),
        }
    }

    /// How many places on disk could not be read since the store was opened, and how many were restored.
    pub fn n_damaged(&self) -> (u64, u64) {
        self.shared.recent.damage.count()
    }

    /// Refuses further requests, writes what is in memory to segments, and stops the store's threads. What cannot be
    /// written is in the log and comes back at the next start.
    pub fn close(&self) {
        if let Err(error) = self.flush() {
            tracing::warn!(%error, "rows stay in the log until the next start");
        }
        self.stop();
    }

    fn stop(&self) {
        self.shared.close();
        self.shared.compactor.close();
        // What runs ends first, on a caller's thread too: the directory may be another store's from here on.
        drop(locked(&self.shared.flushing));
        drop(locked(&self.maintaining));
        self.shared.set_commands(None);
        for thread in locked(&self.threads).drain(..) {
            let name = thread.thread().name().unwrap_or_default().to_owned();
            if thread.join().is_err() {
                tracing::error!(name, "a thread of the store failed; what was acknowledged is in the log");
            }
        }
        drop(locked(&self.lock).take());
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(crate) fn body_hash(kind: u8, body: &[u8]) -> u128 {
    xxhash_rust::xxh3::xxh3_128_with_seed(body, kind.into()).max(1)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The file `lock` and the directory itself, both locked: who removes the file does not let another process in.
struct Lock {
    _file: File,
    _dir: Option<File>,
}

fn lock(dir: &Path) -> Result<Lock, OpenError> {
    let path = dir.join("lock");
    let file = File::create(&path).map_err(|source| OpenError::Io { path: path.clone(), source })?;
    let in_use = || OpenError::Locked { path: dir.to_owned() };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(in_use()),
        Err(TryLockError::Error(source)) => return Err(OpenError::Io { path, source }),
    }
    let directory = match File::open(dir).map(|directory| (directory.try_lock(), directory)) {
        Ok((Err(TryLockError::WouldBlock), _)) => return Err(in_use()),
        Ok((Ok(()), directory)) => Some(directory),
        // Some network file systems lock files only.
        Ok((Err(TryLockError::Error(_)), _)) | Err(_) => None,
    };
    Ok(Lock { _file: file, _dir: directory })
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run)
}
