import { join } from 'node:path';
import { becomeOwnerOf } from '../../../../system/data-folder.ts';
import { SecretKey } from '../../../auth/accounts/secret-key.ts';
import { systemClock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { silentLogger } from '../../../base/log.ts';
import { resolvePath } from '../../../config/load/load.ts';
import { readLastStart } from '../../../config/store/last-start.ts';
import { readConfig } from '../../../config/store/read-config.ts';
import { parseSize } from '../../../config/values/size.ts';
import { type LoginFile, openStoredLogins } from '../../../onvif/soap/login/login-file.ts';
import { RecordPathPattern } from '../../../record/file/record-path.ts';
import { DELETED_TIMES, DeletedTimes } from '../../../record/retention/deleted-times.ts';
import { diskOf } from '../../../recordings/copy/forecast.ts';
import type { LeftFile } from '../../../recordings/copy/left-file.ts';
import type { JobReport, StoredRecorder } from '../../../recordings/copy/transfer-kind.ts';
import { FetchMark, UNWRITABLE_TEXT } from '../../../recordings/fetch-mark.ts';
import type { CommandCall } from '../../contract.ts';
import { recordingsOf, requireDisk } from '../run/command-recordings.ts';
import { recorderLogin } from '../run/recorder-address.ts';
import type { Channel } from './channels.ts';
import { DraftRecorders } from './draft-recorder.ts';
import { type Shares, sharesOf } from './pieces.ts';
import { RecorderImport } from './recorder-import.ts';
import { type OpenRecorder, openRecorder } from './recorder-session.ts';
import { rangeOf } from './recorder-source.ts';

/** What a Perch that records on this machine leaves free of its link and its disk. */
const USUAL_RATE = 3_000_000;
const AGAIN_MS = 5_000;
const DISK_MS = 10_000;
/** Of the environment, where other users of the machine do not see it. */
const PASSWORD = 'PERCH_RECORDER_PASSWORD';

/**
 * `perch import onvif://…`: lists the channels of a recorder, or takes the recordings of one into those of a path. A running Perch finds
 * them. @returns exit code: 1 if something was left out @throws PerchError
 */
export async function importFromRecorder(call: CommandCall): Promise<number> {
  const { words, text, has, dataDir, env } = call;
  if (has('link') || has('move')) {
    throw new PerchError('badInput', 'a recorder keeps its recordings: --link and --move are for folders');
  }
  const { url, user, password = env[PASSWORD] } = recorderLogin(words[0] ?? '');
  if (user !== undefined && password === undefined) {
    const text = `${PASSWORD} is not set: export it with the password of '${user}' (sudo needs --preserve-env=${PASSWORD})`;
    throw new PerchError('badInput', text);
  }
  const recorder = { address: url, ...(user !== undefined && { user }), ...(password !== undefined && { password }) };
  const range = rangeOf({ since: text('since'), until: text('until') });
  const rate = text('rate');
  const maxBytesPerSecond = rate === undefined ? USUAL_RATE : parseSize(rate);
  becomeOwnerOf(dataDir);
  const logins = await countedLogins(dataDir);
  try {
    return await takeRecordings(call, recorder, range, maxBytesPerSecond);
  } finally {
    await logins?.close();
  }
}

/** Each command is a process of its own: without the record of refused logins in the data folder, repeated ones would lock the user. */
async function countedLogins(dataDir: string): Promise<LoginFile | undefined> {
  const isInFiles = (await readLastStart(dataDir))?.documents === undefined;
  const key = await (isInFiles ? SecretKey.open(dataDir, silentLogger) : SecretKey.find(dataDir));
  return key && openStoredLogins(dataDir, (text) => key.sign('camera', text), systemClock, silentLogger);
}

async function takeRecordings(
  call: CommandCall,
  recorder: StoredRecorder,
  range: Range,
  maxBytesPerSecond: number,
): Promise<number> {
  const { text, dataDir, cwd, env, file, write, isTerminal } = call;
  const [signal, clock] = [call.stopSignal(), systemClock];
  const { config } = await readConfig(file, { cwd, dataDir, env, keys: await call.keys() });
  const opened = await openRecorder(recorder, { ...range, clock, config: () => config, isInteractive: true }, signal);
  const { channels, zoneMs } = opened;
  const path = text('path');
  if (path === undefined) {
    write(listText(opened, range));
    return 0;
  }
  const settings = resolvePath(config, path)?.settings;
  if (!settings) {
    throw new PerchError('notFound', `path '${path}' is not configured: add the camera first`, { path });
  }
  const channel = chosen(channels, text('camera'), range);
  const { folder } = new RecordPathPattern(settings.recordPath, undefined);
  await requireDisk(folder, dataDir, config.recordNeedsDisk);
  let diskMs = clock.monoMs();
  const playback = recordingsOf(config, dataDir, clock);
  const mark = new FetchMark(dataDir, 'command', { clock, log: silentLogger });
  await using drafts = new DraftRecorders({ clock, log: silentLogger, index: playback.segmentLog });
  const startedMs = clock.wallMs();
  // A running Perch writes it.
  const deletedOf = (name: string) => new DeletedTimes(join(dataDir, DELETED_TIMES), silentLogger).of(name, startedMs);
  const untilUs = range.untilUs ?? Math.round(startedMs * 1_000);
  const { recordDeleteAfterMs: keptMs } = settings;
  const shares = await sharesOf(channel, {
    ...{ sinceUs: range.sinceUs, untilUs, zoneMs, oldestMs: keptMs > 0 ? startedMs - keptMs : 0 },
    coverage: async (fromUs, toUs) => {
      const { recorded, deleted } = await playback.coverage(path, fromUs, toUs);
      return { recorded, deleted: [...deleted, ...(await deletedOf(path))] };
    },
  });
  const job = new RecorderImport(
    {
      ...{ items: [{ group: channel.key, path }], zoneMs, untilUs, maxBytesPerSecond, memory: {} },
      ...(range.sinceUs !== undefined && { sinceUs: range.sinceUs }),
    },
    {
      ...{ clock, playback, open: async () => opened, settingsOf: () => settings, busyMs: () => 0 },
      deleted: deletedOf,
      recorder: (name, of) => drafts.recorder(name, of),
      stopped: () => drafts.place(),
      whenRoom: 'repeat the command when there is room',
      // A running Perch sees to both.
      ...{ limitRoom: () => Number.POSITIVE_INFINITY, claim: claimBy(mark, write), release: () => {} },
      room: async (recordPath) => {
        if (clock.monoMs() - diskMs > DISK_MS) {
          diskMs = clock.monoMs();
          await requireDisk(folder, dataDir, config.recordNeedsDisk);
        }
        const { freeBytes, keptFreeBytes } = await diskOf(recordPath, config);
        return freeBytes - keptFreeBytes;
      },
    },
  );
  const left: LeftFile[] = [];
  let shownMs = clock.monoMs();
  const attempts = { count: 0 };
  const report: JobReport = {
    ...{ left: () => {}, forgetLeftOut: () => {}, begin: () => {}, isPresent: () => {}, done: () => {} },
    keep: async () => {},
    leftOut: (one) => {
      attempts.count = 0;
      left.push(one);
    },
    bytes: () => {
      attempts.count = 0;
      const nowMs = clock.monoMs();
      if (nowMs - shownMs >= (isTerminal ? 250 : 5_000)) {
        shownMs = nowMs;
        const [{ doneSeconds = 0, totalSeconds = 0 } = {}] = job.channels ?? [];
        const line = `${duration(doneSeconds)} of ${duration(totalSeconds)} are here`;
        write(isTerminal ? `\r\x1b[K${line}` : `${line}\n`);
      }
    },
  };
  const endMark = clock.eachSecond(() => void mark.set(path));
  let fault: unknown;
  try {
    await untilOver(() => job.run(report, { signal, wait: async () => signal.throwIfAborted() }), attempts, signal);
  } catch (error) {
    fault = signal.aborted ? undefined : error;
  } finally {
    endMark();
    await drafts.place();
    mark.clear();
    await playback.close();
  }
  write(`${isTerminal ? '\r\x1b[K' : ''}${resultText(drafts, shares, left)}`);
  if (fault !== undefined) {
    throw mayPass(fault) ? continued(fault) : fault;
  }
  if (signal.aborted) {
    throw new PerchError('unavailable', 'ended before all recordings were taken: the same command continues');
  }
  return left.length > 0 ? 1 : 0;
}

/** A running Perch may be filling a gap of the path, or another import may run. The claim throws PerchError if the data folder cannot be written. */
function claimBy(mark: FetchMark, write: CommandCall['write']): (path: string) => boolean {
  let isTold = false;
  return (path) => {
    const isFree = mark.set(path);
    if (mark.isUnwritable) {
      throw new PerchError('exhausted', UNWRITABLE_TEXT, { path });
    }
    if (!isFree && !isTold) {
      const isGap = mark.otherOf(path) === 'gap';
      const what = isGap
        ? `Perch fills a gap of '${path}' from the card of its camera`
        : `another import into '${path}' runs`;
      write(`${what}: waiting until it has stopped\n`);
    }
    isTold ||= !isFree;
    return isFree;
  };
}

/** @param attempts counts those without anything new @throws the error of the last one */
async function untilOver(run: () => Promise<void>, attempts: { count: number }, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      return await run();
    } catch (error) {
      attempts.count += 1;
      if (signal.aborted || !mayPass(error) || attempts.count >= 3) {
        throw error;
      }
      await systemClock.sleep(AGAIN_MS, signal);
    }
  }
}

/** Not a disk or a login, which a person sees to. */
const mayPass = (error: unknown): error is PerchError =>
  error instanceof PerchError && error.code !== 'exhausted' && error.code !== 'unauthorized' && !error.context['why'];

const continued = ({ code, message, context, cause }: PerchError): PerchError =>
  new PerchError(code, `${message}; the same command continues`, context, cause);

function resultText(
  { files, bytes }: DraftRecorders,
  { hereUs, deletedUs, oldUs }: Shares,
  left: readonly LeftFile[],
): string {
  const shares = [
    [hereUs, 'were there already'],
    [deletedUs, 'had been deleted here'],
    [oldUs, 'are older than recordDeleteAfter of the path'],
  ] as const;
  const texts = shares.flatMap(([us, text]) => (us >= 1e6 ? [`${duration(Math.round(us / 1e6))} ${text}`] : []));
  const lines = left.map((one) => `left out ${one.file}: ${one.reason}\n`);
  return `${[`${files} recordings taken (${bytes} bytes)`, ...texts].join(', ')}\n${lines.join('')}`;
}

type Range = ReturnType<typeof rangeOf>;

const isPart = ({ sinceUs, untilUs }: Range): boolean => sinceUs !== undefined || untilUs !== undefined;
const noRecordings = (range: Range): string =>
  `the recorder has no recordings${isPart(range) ? ' in this period: change --since and --until' : ''}`;

/** @throws PerchError with the names of the channels */
function chosen(channels: readonly Channel[], name: string | undefined, range: Range): Channel {
  const found = channels.find((one) => one.name === name || (name === undefined && channels.length === 1));
  if (found) {
    return found;
  }
  if (channels.length === 0) {
    throw new PerchError('notFound', noRecordings(range));
  }
  const names = channels.map((one) => `'${one.name}'`).join(', ');
  const text = name === undefined ? 'choose a channel with --camera' : `the recorder has no channel '${name}'`;
  const of = isPart(range) ? 'those with recordings in this period' : 'its channels';
  throw new PerchError('badInput', `${text}; ${of} are: ${names}`);
}

const listText = ({ channels, zoneMs, isCut }: OpenRecorder, range: Range): string =>
  [
    channels.map((one) => `${lineOf(one, zoneMs)}\n`).join('') || `${noRecordings(range)}\n`,
    isCut ? 'it has older recordings, too: choose a period with --since and --until\n' : '',
    zoneMs === 0 ? '' : `it states local time as UTC: ${zoneMs / 60_000} minutes are taken off\n`,
  ].join('');

function lineOf({ name, recordings }: Channel, zoneMs: number): string {
  const text = (ms: number) => (Number.isFinite(ms) ? new Date(ms - zoneMs).toISOString().slice(0, 19) : '?');
  const from = text(Math.min(...recordings.map(({ fromMs = Number.NaN }) => fromMs)));
  const until = text(Math.max(...recordings.map(({ untilMs = Number.NaN }) => untilMs)));
  return `${name}: ${from}Z to ${until}Z`;
}

function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return minutes >= 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes} min ${seconds % 60} s`;
}
