import { expect, test } from 'vitest';
import type { CameraEvent } from '../../api-client/recordings/event-list.ts';
import { LEAD_MS } from '../../timeline/view.ts';
import { adjacentEvent } from './event-search.ts';

const T = Date.UTC(2026, 10, 17, 12);
const event = (id: string, path: string, startMs: number): CameraEvent => ({
  ...{ id, path, startMs: T + startMs, type: 'motion', endMs: undefined, text: '', pictureMs: undefined },
});
const door = event('a', 'door', 0);
const garden = event('b', 'garden', 0);
const hall = event('c', 'hall', 300);
const late = event('d', 'door', 60_000);
/** As the box tells them. */
const all = [late, hall, garden, door];
const ledTo = ({ startMs }: CameraEvent) => startMs - LEAD_MS;

test('the next and previous event may be of any camera', () => {
  expect(adjacentEvent(all, 'door', T - 60_000, 1)).toBe(door);
  expect(adjacentEvent(all, 'garden', T + 30_000, 1)).toBe(late);
  expect(adjacentEvent(all, 'garden', T + 30_000, -1)).toBe(hall);
  expect(adjacentEvent(all, 'door', ledTo(late), 1)).toBeUndefined();
  expect(adjacentEvent([], 'door', T, -1)).toBeUndefined();
});

test('each event leads to the next, simultaneous ones included, and back the same way', () => {
  const walk = (from: CameraEvent, by: -1 | 1) => {
    const ids: string[] = [];
    // The picture that is shown is not exactly of the moment that was gone to.
    for (let at: CameraEvent | undefined = from; at; at = adjacentEvent(all, at.path, ledTo(at) + 60, by)) {
      ids.push(at.id);
    }
    return ids.join('');
  };
  expect(walk(door, 1)).toBe('abcd');
  expect(walk(late, -1)).toBe('dcba');
});

test('after watching on, the previous event is the current one', () => {
  expect(adjacentEvent(all, 'door', ledTo(late) + 5_000, -1)).toBe(late);
});
