import { effect } from '@preact/signals';
import { isPageVisible } from '../shell/page-state.ts';
import { sleep } from '../shell/sleep.ts';
import { anySignal } from './any-signal.ts';
import { paths } from './paths.ts';
import { UI_HEADER } from './request.ts';
import { noteAnswer } from './restart.ts';
import { dispatchServerEvent } from './server-events.ts';
import { access, isOwner } from './session.ts';
import { SseParser } from './sse-parser.ts';

const RETRY_MS = 2_000;
/** The box sends something every 15 s. The connection is dead after three silent periods. */
const SILENT_MS = 45_000;

/**
 * Listens to the box's events while the page is visible and permitted: a browser has six connections for all its
 * windows. After a reconnect the stream resumes at the last event.
 */
export function listenToEvents(): void {
  let stop: AbortController | undefined;
  effect(() => {
    // Guests and viewers get events of cameras whose recordings they may play, and the doorbells of all that they see.
    const getsEvents = isOwner.value || (paths.value?.length ?? 0) > 0;
    const isWanted = access.value === 'granted' && getsEvents && isPageVisible.value;
    if (isWanted && !stop) {
      stop = new AbortController();
      keepListening(stop.signal);
    } else if (!isWanted) {
      stop?.abort();
      stop = undefined;
    }
  });
}

let lastId: string | undefined;

async function keepListening(stop: AbortSignal): Promise<void> {
  let waitMs = RETRY_MS;
  while (!stop.aborted) {
    const status = await listen(stop).catch(() => 0);
    if (status === 401 || status === 403) {
      return;
    }
    waitMs = status ? Math.min(2 * waitMs, 60_000) : RETRY_MS;
    await sleep(waitMs, stop);
  }
}

/** @returns the status of a rejection, 0 when the stream has ended; rejects when the connection fails */
async function listen(stop: AbortSignal): Promise<number> {
  const silent = new AbortController();
  let timer = setTimeout(() => silent.abort(), SILENT_MS);
  try {
    const response = await fetch('v3/events', {
      headers: { ...UI_HEADER, ...(lastId && { 'Last-Event-ID': lastId }) },
      cache: 'no-store',
      signal: anySignal(stop, silent.signal),
    });
    if (!response.ok || !response.body) {
      return response.status;
    }
    // A restart closes the former connection, so a box that accepts a new one has restarted.
    noteAnswer(true);
    const lines = new SseParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        return 0;
      }
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), SILENT_MS);
      for (const { type, id, data } of lines.push(value)) {
        lastId = id ?? lastId;
        dispatchServerEvent(type, data);
      }
    }
  } finally {
    clearTimeout(timer);
    silent.abort();
  }
}
