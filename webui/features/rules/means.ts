import { useEffect, useState } from 'preact/hooks';
import { cameraCall } from '../../api-client/camera-addresses.ts';
import { fetchJson } from '../../api-client/request.ts';
import { cameras } from '../../cameras/cameras.ts';
import type { RulesWords } from './words/en.ts';

interface Output {
  readonly id: string;
  readonly kind: 'relay' | 'light' | 'siren' | 'wiper' | 'other';
  readonly name: string;
}

/** What a camera can do for a rule. */
export interface CameraMeans {
  /** Names of the positions that it turns to; a position without one has its token. */
  readonly presets: readonly string[];
  readonly outputs: readonly Output[];
}

export interface Means {
  /** By the path of the camera; a camera that has not answered is missing. */
  readonly byPath: ReadonlyMap<string, CameraMeans>;
  /** All have answered, or failed to. */
  readonly isComplete: boolean;
}

interface Listed {
  readonly path: string;
  readonly onvif: object | null;
  /** null: not read since the box started. */
  readonly description: { readonly hasPtz: boolean } | null;
}

const NOTHING: Means = { byPath: new Map(), isComplete: false };
/** Cameras that are asked at the same time. */
const AT_ONCE = 4;

/** Asks each camera once; those that answer late are added as they do. */
export function useMeans(): Means {
  const [means, setMeans] = useState(NOTHING);
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    const byPath = new Map<string, CameraMeans>();
    const tell = (isComplete: boolean) => signal.aborted || setMeans({ byPath: new Map(byPath), isComplete });
    askAll(signal, (path, found) => {
      byPath.set(path, found);
      tell(false);
    })
      .catch(() => {})
      .finally(() => tell(true));
    return () => stop.abort();
  }, []);
  return means;
}

async function askAll(signal: AbortSignal, onFound: (path: string, means: CameraMeans) => void): Promise<void> {
  const { items } = await fetchJson<{ items: readonly Listed[] }>('v3/cameras/list?itemsPerPage=1000', { signal });
  // One that is offline would be waited for, and the box asks no paused or private one.
  const isAway = (path: string) =>
    cameras.peek()?.some(({ name, main }) => {
      const mayAnswer = (main.ready || main.sourceOnDemand) && !main.paused && !main.privacy;
      return name === path && !mayAnswer;
    });
  const waiting = items.filter(({ path, onvif, description }) => onvif && description && !isAway(path));
  const askNext = async (): Promise<void> => {
    for (let item = waiting.shift(); item && !signal.aborted; item = waiting.shift()) {
      onFound(item.path, await meansOf(item, signal));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, askNext));
}

/** What it does not answer is not offered. */
async function meansOf({ path, description }: Listed, signal: AbortSignal): Promise<CameraMeans> {
  const list = <T>(call: string): Promise<readonly T[]> =>
    fetchJson<{ items: readonly T[] }>(cameraCall(call, path), { signal }).then(
      ({ items }) => items,
      () => [],
    );
  const [presets, outputs] = await Promise.all([
    description?.hasPtz ? list<{ readonly name: string; readonly token: string }>('ptz/presets') : [],
    list<Output>('outputs/list'),
  ]);
  return { presets: presets.map(({ name, token }) => name || token), outputs };
}

/** `the light` if the camera has one light, else the output's own name. Unknown: its id. */
export function outputText(means: CameraMeans | undefined, id: string, t: RulesWords): string {
  const output = means?.outputs.find((one) => one.id === id);
  if (!output) {
    return id;
  }
  const text = { light: t.theLight, siren: t.theSiren, wiper: t.theWiper, relay: '', other: '' }[output.kind];
  const isOnly = means?.outputs.filter(({ kind }) => kind === output.kind).length === 1;
  return text && isOnly ? text : output.name || id;
}
