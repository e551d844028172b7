import { signal } from '@preact/signals';
import type { FoundItem } from '../../api-client/api-types.ts';
import { fetchJson } from '../../api-client/request.ts';
import { onServerEvent } from '../../api-client/server-events.ts';
import { sleep } from '../../shell/sleep.ts';
import { startWords } from '../../words/start.ts';
import type { Candidate } from './adoption-state.ts';

const REPEAT_MS = 10_000;

/** Discovered cameras in the order of their responses. */
export const discoveredCameras = signal<readonly FoundItem[]>([]);
/** Whether the first probe has ended. */
export const hasDiscovered = signal(false);

/** Probes repeatedly until `stop`. */
export async function keepDiscovering(stop: AbortSignal): Promise<void> {
  hasDiscovered.value = false;
  const forget = onServerEvent('camera', ({ state, path }) => {
    if (
      state === 'found' ||
      state === 'hidden' ||
      state === 'adopted' ||
      (state === 'forgotten' && path !== undefined)
    ) {
      loadDiscovered(stop);
    }
  });
  stop.addEventListener('abort', forget, { once: true });
  loadDiscovered(stop);
  while (!stop.aborted) {
    // A probe takes about 4 s.
    const options = { method: 'POST', signal: stop, limitMs: 20_000 } as const;
    await fetchJson<{ items: readonly FoundItem[] }>('v3/cameras/discover?wait=yes', options).then(
      ({ items }) => {
        discoveredCameras.value = items;
        hasDiscovered.value = true;
      },
      () => {},
    );
    await sleep(REPEAT_MS, stop);
  }
}

export async function loadDiscovered(stop: AbortSignal): Promise<void> {
  const options = { signal: stop };
  await fetchJson<{ items: readonly FoundItem[] }>('v3/cameras/found?itemsPerPage=1000', options).then(
    ({ items }) => {
      discoveredCameras.value = items;
    },
    () => {},
  );
}

/** Hides found cameras on all pages of the box, or shows them again. @throws RequestError */
export async function hideFound(endpoints: readonly string[], hidden: boolean): Promise<void> {
  await fetchJson('v3/cameras/hide', { method: 'POST', body: { endpoints, hidden } });
  discoveredCameras.value = discoveredCameras
    .peek()
    .map((item) => (endpoints.includes(item.endpoint) ? { ...item, hidden } : item));
}

interface FoundCameras {
  /** One for each endpoint. */
  readonly fresh: readonly FoundItem[];
  readonly dismissed: readonly FoundItem[];
  /** Cameras that other Perches offer, by Perch. */
  readonly offered: readonly (readonly [FoundItem, ...FoundItem[]])[];
}

/** Found cameras that are not added. A camera with several addresses is one. */
export function sortFound(items: readonly FoundItem[]): FoundCameras {
  const added = new Set(items.filter(({ path }) => path !== null).map(({ endpoint }) => endpoint));
  const own = new Map<string, FoundItem>();
  const offered = new Map<string, [FoundItem, ...FoundItem[]]>();
  for (const item of items) {
    const before = own.get(item.endpoint);
    if (added.has(item.endpoint)) {
      continue;
    }
    if (before) {
      own.set(item.endpoint, { ...before, address: `${before.address}, ${item.address}` });
      continue;
    }
    own.set(item.endpoint, item);
    if (item.perch !== null) {
      const group = offered.get(item.perch);
      if (group) {
        group.push(item);
      } else {
        offered.set(item.perch, [item]);
      }
    }
  }
  const cameras = [...own.values()].filter(({ perch }) => perch === null);
  return {
    fresh: cameras.filter(({ hidden }) => !hidden),
    dismissed: cameras.filter(({ hidden }) => hidden),
    offered: [...offered.values()],
  };
}

export function candidateOf(item: FoundItem): Candidate {
  const { endpoint, address: addresses, name, manufacturer, hardware, onCameraNetwork } = item;
  const [address = ''] = addresses.split(', ');
  const more = onCameraNetwork ? [startWords.value.onCameraNetwork] : [];
  return {
    key: endpoint,
    request: { endpoint },
    address,
    ...titleOf({ name, manufacturer, model: hardware }, [addresses, ...more], address),
  };
}

/** Name, model and address of a camera, as the list shows them. */
export function titleOf(
  { name, manufacturer, model: own }: Claims,
  more: readonly string[],
  address: string,
): Pick<Candidate, 'title' | 'text'> {
  const model = modelOf(manufacturer, own);
  // Many cameras are named like their model; the maker is added then.
  const title = name && !model.toLowerCase().includes(name.toLowerCase()) ? name : model || address;
  return { title, text: [model, ...more].filter((part) => part && part !== title).join(' · ') };
}

/** What a camera claims to be. */
interface Claims {
  readonly name: string | null;
  readonly manufacturer: string | null;
  readonly model: string | null;
}

function modelOf(maker: string | null, hardware: string | null): string {
  const [first, second] = [maker?.trim() ?? '', hardware?.trim() ?? ''];
  return second.toLowerCase().startsWith(first.toLowerCase()) ? second : `${first} ${second}`.trim();
}

/** `192.168.1.0/24` of a found camera; empty if unknown. */
export function likelyRange(items: readonly FoundItem[]): string {
  const [, network] = /^(\d+\.\d+\.\d+)\.\d+$/.exec(items[0]?.foundFrom ?? '') ?? [];
  return network === undefined ? '' : `${network}.0/24`;
}

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
