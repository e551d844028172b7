import { signal } from '@preact/signals';
import { fetchJson } from '../api-client/request.ts';
import { onServerEvent } from '../api-client/server-events.ts';
import { sleep } from '../shell/sleep.ts';
import type { Candidate } from './adoption-state.ts';

/** A camera in the networks of the device, by its own claims. */
export interface DiscoveredCamera {
  readonly endpoint: string;
  readonly address: string;
  readonly onvif: string;
  readonly foundFrom: string;
  readonly name: string | null;
  readonly manufacturer: string | null;
  readonly hardware: string | null;
  /** That it is adopted as. */
  readonly path: string | null;
}

/** A look takes some 4 s. */
const LOOK_LIMIT_MS = 20_000;
const AGAIN_MS = 10_000;

/** Cameras that have answered, in the order in which they did. */
export const discoveredCameras = signal<readonly DiscoveredCamera[]>([]);
/** Before the first look is over nothing is known. */
export const hasDiscovered = signal(false);

/** Looks again and again until `stop`: a camera that is plugged in shows up by itself. */
export async function keepDiscovering(stop: AbortSignal): Promise<void> {
  hasDiscovered.value = false;
  const forget = onServerEvent('camera', ({ state, path }) => {
    if (state === 'found' || state === 'adopted' || (state === 'forgotten' && path !== undefined)) {
      loadDiscovered(stop);
    }
  });
  stop.addEventListener('abort', forget, { once: true });
  loadDiscovered(stop);
  while (!stop.aborted) {
    // The strip above says when the device does not answer.
    const options = { method: 'POST', signal: stop, limitMs: LOOK_LIMIT_MS } as const;
    await fetchJson<{ items: readonly DiscoveredCamera[] }>('v3/cameras/discover?wait=yes', options).then(
      ({ items }) => {
        discoveredCameras.value = items;
        hasDiscovered.value = true;
      },
      () => {},
    );
    await sleep(AGAIN_MS, stop);
  }
}

export async function loadDiscovered(stop: AbortSignal): Promise<void> {
  const options = { signal: stop };
  await fetchJson<{ items: readonly DiscoveredCamera[] }>('v3/cameras/found?itemsPerPage=1000', options).then(
    ({ items }) => {
      discoveredCameras.value = items;
    },
    () => {},
  );
}

export function candidateOf(item: DiscoveredCamera): Candidate {
  const { endpoint, address, name, manufacturer, hardware } = item;
  const model = modelOf(manufacturer, hardware);
  // Many are called like their model, and that tells more with the maker before it.
  const title = name && !model.toLowerCase().includes(name.toLowerCase()) ? name : model || address;
  return {
    ...{ key: endpoint, asked: endpoint, request: { endpoint }, title, address },
    text: [model, address].filter((part) => part !== '' && part !== title).join(' · '),
  };
}

function modelOf(maker: string | null, hardware: string | null): string {
  const [first, second] = [maker?.trim() ?? '', hardware?.trim() ?? ''];
  return second.toLowerCase().startsWith(first.toLowerCase()) ? second : `${first} ${second}`.trim();
}

/** `192.168.1.0/24`, where a camera was found or may be; empty when nothing is known. */
export function likelyRange(items: readonly DiscoveredCamera[]): string {
  const [, network] = /^(\d+\.\d+\.\d+)\.\d+$/.exec(items[0]?.foundFrom ?? '') ?? [];
  return network === undefined ? '' : `${network}.0/24`;
}

/** Whether an address is in a network such as `192.168.1.0/24`. */
export function isWithin(address: string, range: string): boolean {
  const [network = '', bits = '32'] = range.trim().split('/');
  const size = 2 ** (32 - Number(bits));
  const [one, other] = [numberOf(address), numberOf(network)];
  return one !== undefined && other !== undefined && Math.floor(one / size) === Math.floor(other / size);
}

function numberOf(address: string): number | undefined {
  const bytes = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address)?.slice(1);
  return bytes?.reduce((sum, byte) => sum * 256 + Number(byte), 0);
}
