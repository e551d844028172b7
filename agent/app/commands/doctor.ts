import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { fingerprintLines } from '../../base/fingerprint.ts';
import { redact } from '../../base/log.ts';
import { SUB_SUFFIX } from '../../cameras/adoption/plan.ts';
import type { NativeStatus } from '../../native/native.ts';
import type { PathStatus } from '../../paths/path-status.ts';
import type { DiskStatus } from '../../record/space/disks.ts';

const EVERY_MS = 10_000;
/** Address of the page for those who read the report, unless it says otherwise. */
const USUAL_HOST = '127.0.0.1';
const GOOD_DISKS: ReadonlySet<string> = new Set(['ok', 'filling', 'slowing']);

type Path = Pick<
  PathStatus,
  'name' | 'title' | 'ready' | 'paused' | 'sourceState' | 'sourceOnDemand' | 'lastError' | 'configError' | 'recording'
>;

export interface ReportFacts {
  /** The page's port, or undefined if not listening. */
  readonly port: number | undefined;
  /** IP address at which programs of this box reach the page. */
  readonly host: string | undefined;
  readonly paths: readonly Path[];
  readonly disks: readonly Pick<DiskStatus, 'folder' | 'state' | 'error' | 'freeBytes'>[];
  readonly isClockTrusted: boolean;
  /** There is an owner. */
  readonly isClaimed: boolean;
  /** SHA-256 of the own authority's certificate, `AB:CD:…`; undefined if there is none. */
  readonly fingerprint: string | undefined;
  readonly native: NativeStatus;
}

/** The agent's part of `perch doctor`: lines that begin with `ok`, or `bad` with advice. */
export function reportLines(facts: ReportFacts): string {
  const { port, host = USUAL_HOST, paths, disks, isClockTrusted, fingerprint, isClaimed, native } = facts;
  const lines = [
    // Before the port, with which the doctor queries the page.
    ...(host === USUAL_HOST ? [] : [`host ${host}`]),
    port === undefined ? 'bad the page has no port: see perch logs' : `port ${port}`,
    ...(isClaimed ? [] : ['note this box has no owner yet: perch claim sets the password']),
    ...disks.map(diskLine),
    isClockTrusted
      ? 'ok the clock is set'
      : 'bad the clock may be wrong: connect this box to the network, or log in on the page from a phone',
    ...(fingerprint === undefined
      ? []
      : [`ok /trust shows the fingerprint ${fingerprintLines(fingerprint).join(' · ')}`]),
    ...nativeLines(native),
    ...cameraLines(paths),
  ];
  // Texts of cameras may contain line breaks.
  // More cameras than any installation has.
  const shown = lines.slice(0, 500).map((line) =>
    redact(line)
      .replaceAll(/[\p{C}\s]+/gu, ' ')
      .slice(0, 300),
  );
  return `${shown.join('\n')}\n`;
}

/** The lines of a function in use, and of one that is not. */
const NATIVE_LINES: Readonly<Record<keyof NativeStatus, readonly [string, string]>> = {
  bursts: ['UDP packets are sent in bursts', 'UDP packets are sent one by one'],
  gcm: ["WebRTC is encrypted by OpenSSL's AES-GCM", "WebRTC is encrypted without OpenSSL's AES-GCM"],
  reads: ['cameras over TCP are read without an event per read', 'cameras over TCP cost an event per read'],
  batches: ['UDP datagrams are received many at once', 'UDP datagrams are received one by one'],
};

function nativeLines(native: NativeStatus): string[] {
  return Object.entries(NATIVE_LINES).flatMap(([name, [used, unused]]) => {
    const { isUsed, reason } = native[name as keyof NativeStatus];
    return isUsed === undefined ? [] : [isUsed ? `ok ${used}` : `note ${unused} (${reason})`];
  });
}

function diskLine({ folder, state, error, freeBytes }: ReportFacts['disks'][number]): string {
  return GOOD_DISKS.has(state)
    ? `ok recordings go to ${folder}, ${Math.round((freeBytes ?? 0) / 1e8) / 10} GB free`
    : `bad not recording to ${folder}: ${error ?? state}`;
}

/** A sub stream gets a line only if it alone fails, or is in use. */
function cameraLines(paths: readonly Path[]): string[] {
  const mainOf = new Map(paths.map((path) => [`${path.name}${SUB_SUFFIX}`, path]));
  return paths.flatMap((path) => {
    const main = mainOf.get(path.name);
    const line = lineOf(path, main ? ' (its sub stream)' : '');
    return line === undefined || (main && isCoveredBy(main, path)) ? [] : [line];
  });
}

function isCoveredBy(main: Path, sub: Path): boolean {
  const isCovered = sub.ready ? sub.recording?.error == null : !main.ready;
  return isCovered && sub.configError === null && lineOf(main) !== undefined;
}

function lineOf(path: Path, which = ''): string | undefined {
  const { ready, paused, sourceState, sourceOnDemand, lastError, configError, recording } = path;
  const camera = `camera ${path.title ?? path.name}${which}`;
  if (configError !== null) {
    return `bad ${camera}: ${configError}: see perch check`;
  }
  if (sourceState === null || paused || (sourceOnDemand && !ready)) {
    return undefined;
  }
  if (!ready) {
    return `bad ${camera} sends no video (${lastError ?? 'it has not answered yet'}): check its power, cable and password`;
  }
  return recording?.error == null
    ? `ok ${camera} sends video${recording?.active ? ' and is recorded' : ''}`
    : `bad ${camera} sends video but is not recorded: ${recording.error}`;
}

/** Keeps the report in a file of the service's runtime folder. @param folder `RUNTIME_DIRECTORY` of systemd */
export function keepReport(folder: string, facts: () => ReportFacts, clock: Pick<Clock, 'every'>): void {
  let written = '';
  let writing = Promise.resolve();
  const file = join(folder, 'report');
  const update = () => {
    const text = reportLines(facts());
    if (text !== written) {
      written = text;
      writing = writing
        .then(() => writeFile(`${file}.new`, text, { mode: 0o600 }))
        .then(() => rename(`${file}.new`, file))
        // Without it the doctor reports that the cameras' state is unknown.
        .catch(() => {});
    }
  };
  update();
  clock.every(EVERY_MS, update);
}
