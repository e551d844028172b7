import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A time before this version's year is implausible, and so is one far ahead, which a dead battery produces. */
const NOT_BEFORE_MS = Date.UTC(2026, 0, 1);
const NOT_AFTER_MS = Date.UTC(2100, 0, 1);
/** Files that exist once the time was set from the network. All are in memory, so none survives a boot. */
const SET_MARKS = [
  'run/systemd/timesync/synchronized',
  // OpenWrt: created by dnsmasq's NTP hook, which every build has.
  'var/state/dnsmasqsec',
  // For other systems: the program that sets the clock (GPS, a script) creates this file.
  'run/perch-clock-set',
];
const UNKNOWN_PATIENCE_MS = 10 * 60_000;
const BOARD_PATIENCE_MS = 24 * 3_600_000;

interface ClockSigns {
  /** The clock was set since boot, or a battery kept it. */
  readonly isSet: boolean;
  /** Modification times of the marks, by the clock of that moment: Unix milliseconds. */
  readonly markedMs: readonly number[];
  /** Uptime after which the clock is trusted without other signs. */
  readonly patienceMs: number;
  /** A step proves nothing: this service first steps the clock to the time of the last shutdown. */
  readonly stepsProveNothing: boolean;
}

export function isPlausible(wallMs: number): boolean {
  return wallMs >= NOT_BEFORE_MS && wallMs < NOT_AFTER_MS;
}

/** Called repeatedly while the clock is not trusted: reads a few files in memory. @param root of the system's files */
export function readClockSigns(root: string, wallMs: number): ClockSigns {
  const rtcsMs = rtcTimes(root);
  // A battery-backed clock may run in local time.
  const hasGoodRtc = rtcsMs.some((rtcMs) => isPlausible(rtcMs) && Math.abs(rtcMs - wallMs) <= 24 * 3_600_000);
  const markedMs = SET_MARKS.flatMap((mark) => statSync(join(root, mark), { throwIfNoEntry: false })?.mtimeMs ?? []);
  return {
    isSet: hasGoodRtc || markedMs.length > 0,
    markedMs,
    patienceMs: patienceOf(root, rtcsMs.length > 0),
    stepsProveNothing: existsSync(join(root, 'run/systemd/timesync')),
  };
}

/**
 * A board without a battery-backed clock starts with a guess (1970, or its last shutdown): such a clock is behind, and
 * deletes too little rather than too much. A PC has a clock, which its containers see. For others, such as a container
 * on a board, NTP has finished after some minutes if there is any.
 */
function patienceOf(root: string, hasBadRtc: boolean): number {
  const isBoard = namesIn(join(root, 'proc/device-tree')).length > 0 || existsSync(join(root, 'etc/openwrt_release'));
  if (hasBadRtc || isBoard) {
    return BOARD_PATIENCE_MS;
  }
  const isPc = process.platform !== 'linux' || process.arch === 'x64' || process.arch === 'ia32';
  return isPc ? 0 : UNKNOWN_PATIENCE_MS;
}

function rtcTimes(root: string): number[] {
  const folder = join(root, 'sys/class/rtc');
  const times: number[] = [];
  for (const name of namesIn(folder)) {
    try {
      times.push(Number(readFileSync(join(folder, name, 'since_epoch'), 'utf8')) * 1000);
    } catch {
      // A clock with a dead battery cannot be read.
      times.push(0);
    }
  }
  return times;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Whether the kernel reports the clock as synchronized (by chrony, ntpd or others). Only systemd reports it without a system call. */
export function asksTimedate(root: string): Promise<boolean> {
  if (!existsSync(join(root, 'run/systemd/system'))) {
    return Promise.resolve(false);
  }
  return new Promise((resolve) => {
    const args = ['show', '--property=NTPSynchronized', '--value'];
    execFile('timedatectl', args, { timeout: 3_000 }, (error, output) => resolve(!error && output.trim() === 'yes'));
  });
}
