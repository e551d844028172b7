import { signal } from '@preact/signals';
import { ARRANGEMENTS, type Arrangement } from './layout.ts';

const REMEMBERED = 'perch-arrangement';

const known = localStorage.getItem(REMEMBERED);
/** Layout of the grid in this browser. */
export const arrangement = signal<Arrangement>(ARRANGEMENTS.find((one) => one === known) ?? 'auto');

export function arrange(chosen: Arrangement): void {
  localStorage.setItem(REMEMBERED, chosen);
  arrangement.value = chosen;
}
