import { anySignal } from '../api-client/any-signal.ts';
import type { LogItem } from '../api-client/api-types.ts';
import { fetchJson, UI_HEADER } from '../api-client/request.ts';
import { SseParser } from '../api-client/sse-parser.ts';
import { sleep } from '../shell/sleep.ts';

export interface LogFilter {
  readonly level: string;
  readonly path: string;
  readonly text: string;
  readonly viewers: 'yes' | 'no';
}

const RETRY_MS = 2_000;
const FIRST_LINES = 300;
/** The box sends something every 15 s. */
const SILENT_MS = 45_000;

interface LogListener {
  /** Replaces the known lines; newest first. */
  onAll(lines: readonly LogItem[]): void;
  onLine(line: LogItem): void;
  onAway(): void;
}

/** Existing and new lines of the filter, until `stop`. */
export async function followLog(filter: LogFilter, listener: LogListener, stop: AbortSignal): Promise<void> {
  const query = new URLSearchParams(Object.entries(filter).filter(([, value]) => value !== ''));
  while (!stop.aborted) {
    await follow(query, listener, stop).catch(() => {});
    if (!stop.aborted) {
      listener.onAway();
    }
    await sleep(RETRY_MS, stop);
  }
}

async function follow(query: URLSearchParams, listener: LogListener, stop: AbortSignal): Promise<void> {
  const silent = new AbortController();
  const signal = anySignal(stop, silent.signal);
  let timer = setTimeout(() => silent.abort(), SILENT_MS);
  try {
    const live = await fetch(`v3/log/live?${query}`, { headers: UI_HEADER, cache: 'no-store', signal });
    if (!live.ok || !live.body) {
      return;
    }
    // New lines may be in both responses. Those up to `last` are skipped in the live one.
    const list = await fetchJson<{ items: readonly LogItem[] }>(`v3/log?${query}&limit=${FIRST_LINES}`, { signal });
    const last = list.items[0]?.number ?? 0;
    listener.onAll(list.items);
    const lines = new SseParser();
    const reader = live.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        return;
      }
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), SILENT_MS);
      for (const { type, data } of lines.push(value)) {
        const line = type === 'line' ? (JSON.parse(data) as LogItem) : undefined;
        if (line && line.number > last) {
          listener.onLine(line);
        }
      }
    }
  } finally {
    clearTimeout(timer);
    silent.abort();
  }
}
