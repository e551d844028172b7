import type { ForwardItem } from '../../../../api-client/api-types.ts';
import { configAddress, patchAddress } from '../../../../api-client/camera-addresses.ts';
import { patchConfig, readConfig } from '../../../../api-client/config.ts';
import type { Change } from '../../../../api-client/request.ts';
import { usePolled } from '../../../../api-client/use-polled.ts';

/** Secrets are hidden; sent back unchanged, they stay. */
interface Destination {
  readonly dest: string;
  readonly whipBearerToken?: string;
}

interface Forwarding {
  readonly forward: readonly Destination[];
}

/** Undefined until known. */
export function useForwards(name: string) {
  const address = `v3/paths/forward/list?itemsPerPage=1000&path=${encodeURIComponent(name)}`;
  const { value, again } = usePolled<{ readonly items: readonly ForwardItem[] }>(address, 'fast');
  return { items: value?.items, again };
}

async function patchForwards(
  name: string,
  change: Change,
  next: (list: readonly Destination[]) => readonly Destination[],
): Promise<void> {
  const { value, tag } = await readConfig<Forwarding>(configAddress(name));
  await patchConfig(patchAddress(name), { forward: next(value.forward) }, tag, change);
}

export const addForward = (name: string, added: Destination, change: Change): Promise<void> =>
  patchForwards(name, change, (list) => [...list, added]);

/** @param pos in the list */
export const removeForward = (name: string, pos: number, change: Change): Promise<void> =>
  patchForwards(name, change, (list) => list.filter((_, at) => at !== pos));
