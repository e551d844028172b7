import { useMemo } from 'preact/hooks';
import type { SystemAnswer } from '../api-client/api-types.ts';
import { fetchJson } from '../api-client/request.ts';
import { usePolled } from '../api-client/use-polled.ts';

/** `behindMs`: offset to the box's clock at the response; negative: the browser is ahead. */
export type SystemFacts = SystemAnswer & { readonly clock: { readonly behindMs: number } };

export const systemFacts = async (signal: AbortSignal): Promise<SystemFacts> =>
  withOffset(await fetchJson<SystemAnswer>('v3/system', { signal }));

const withOffset = ({ clock, ...facts }: SystemAnswer): SystemFacts => ({
  ...facts,
  clock: { ...clock, behindMs: Date.now() - Date.parse(clock.time) },
});

/** Undefined until the first response; the last values stay. */
export function useSystemFacts(): SystemFacts | undefined {
  const { value } = usePolled<SystemAnswer>('v3/system', 'steady');
  return useMemo(() => value && withOffset(value), [value]);
}
