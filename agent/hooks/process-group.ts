import { readdirSync, readFileSync } from 'node:fs';

/** @returns whether the group exists */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch (cause) {
    // It runs as another user (sudo).
    return (cause as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whether a process of the group runs. Zombies, which remain in a container without init, do not count. */
export function groupLives(group: number): boolean {
  if (!signalGroup(group, 0)) {
    return false;
  }
  const states = statesOf(group);
  return states.length === 0 || states.some((state) => state !== 'Z' && state !== 'X');
}

/** Process states (proc(5)); empty without `/proc`. */
function statesOf(group: number): readonly string[] {
  return processIds().flatMap((pid) => {
    const stat = readStat(pid);
    return stat?.group === group ? [stat.state] : [];
  });
}

/** Ids of all processes; empty without `/proc`. */
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
  /** Start time in clock ticks since boot. Together with the process id it identifies a process. */
  readonly startTicks: number;
}

/** Undefined: no such process. */
export function readStat(pid: number): ProcessStat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in brackets may contain anything. proc(5): state is field 3, pgrp 5, starttime 22.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', group: Number(fields[2]), startTicks: Number(fields[19]) };
  } catch {
    return undefined;
  }
}
