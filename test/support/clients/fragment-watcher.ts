import { expect } from 'vitest';
import { parseFragment } from '../../../agent/media/mp4/read/read.ts';
import type { LiveFragment } from '../../../agent/servers/hls/live/live-fragment.ts';
import type { FragmentViewer, LiveInit } from '../../../agent/servers/hls/live/live-fragments.ts';

/** One sample as it has arrived. */
interface Seen {
  readonly track: number;
  readonly time: number;
  readonly duration: number;
  readonly data: string;
}

/** Takes all fragments apart at once, as their memory may be used again. */
export class FragmentWatcher implements FragmentViewer {
  readonly inits: { readonly init: LiveInit; readonly startS: number; readonly liveS: number }[] = [];
  readonly fragments: (Omit<LiveFragment, 'message'> & { readonly seen: readonly Seen[] })[] = [];
  readonly clocks: Record<string, unknown>[] = [];
  readonly messages: Buffer[] = [];
  ends = 0;

  onInit(init: LiveInit, startS: number, liveS: number): void {
    this.inits.push({ init, startS, liveS });
  }

  onClock(message: Buffer): void {
    this.clocks.push(JSON.parse(message.subarray(message.indexOf('{')).toString()));
  }

  onFragment(fragment: LiveFragment): boolean {
    const { message, ...about } = fragment;
    this.fragments.push({ ...about, seen: samplesOf(fragment) });
    this.messages.push(Buffer.from(message));
    return false;
  }

  onEnd(): void {
    this.ends += 1;
  }

  get seen(): readonly Seen[] {
    return this.fragments.flatMap(({ seen }) => seen);
  }
}

function samplesOf({ message, headBytes, moofBytes }: LiveFragment): Seen[] {
  const bytes = message.subarray(headBytes);
  const parsed = parseFragment(bytes);
  expect(parsed?.sizeBytes).toBe(bytes.length);
  expect((parsed?.moofBytes ?? 0) + 8).toBe(moofBytes);
  return (parsed?.runs ?? []).flatMap((run) => {
    let [at, time] = [run.dataOffset, run.baseTime];
    return Array.from(run.sizes, (size, i) => {
      const duration = run.durations[i] ?? 0;
      const data = Buffer.from(bytes.subarray(at, at + size)).toString('latin1');
      const seen = { track: run.trackId - 1, time, duration, data };
      at += size;
      time += duration;
      return seen;
    });
  });
}
