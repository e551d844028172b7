import type { CameraOutput } from '../api-client/api-types.ts';

type Output = Pick<CameraOutput, 'id' | 'isOn'>;

/**
 * Whether an output is on; null: unknown.
 * @param items as the camera says now; undefined: not known yet
 * @param reported outputs whose state the camera has said; grows. What the page has switched says nothing of these.
 */
export function stateOf(
  { id, isOn }: Output,
  items: readonly Output[] | undefined,
  reported: Set<string>,
): boolean | null {
  const said = items?.find((item) => item.id === id)?.isOn ?? null;
  if (said !== null) {
    reported.add(id);
  }
  return reported.has(id) ? said : isOn;
}
