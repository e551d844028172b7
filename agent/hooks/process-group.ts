import { readdirSync, readFileSync } from 'node:fs';

/** @returns false when there is no such group */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch (cause) {
    // One that has become another user's (sudo) is there, and not ours to end.
    return (cause as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whether a program of the group runs. Those that have ended and that nobody has taken notice of (in a container without init) do not. */
export function groupLives(group: number): boolean {
  if (!signalGroup(group, 0)) {
    return false;
  }
  const states = statesOf(group);
  return states.length === 0 || states.some((state) => state !== 'Z' && state !== 'X');
}

/** Of each program of the group, as Linux names them (proc(5)); none where that is not known. */
function statesOf(group: number): readonly string[] {
  return processIds().flatMap((pid) => {
    const stat = readStat(pid);
    return stat?.group === group ? [stat.state] : [];
  });
}

/** Of all programs that run; none where there is no `/proc`. */
export function processIds(): readonly number[] {
  try {
    return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
  } catch {
    return [];
  }
}

export interface ProcessStat {
  readonly state: string;
  readonly group: number;
  /** Since the machine started, in the kernel's ticks: with the number it tells one process from all others. */
  readonly startTicks: number;
}

/** Undefined when there is no such process. */
export function readStat(pid: number): ProcessStat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in brackets may hold anything, brackets and blanks included. proc(5): state is field 3, pgrp 5, starttime 22.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', group: Number(fields[2]), startTicks: Number(fields[19]) };
  } catch {
    return undefined;
  }
}
