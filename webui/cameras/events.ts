import { signal } from '@preact/signals';
import { onNews } from '../api-client/server-events.ts';
import { EventRings } from './recent-events.ts';

/** Changes with each event; `nowMs` ends them. */
export const eventRings = signal<{ readonly rings: EventRings }>({ rings: new EventRings() });

onNews('event', (event) => {
  // What the box tells of the camera itself.
  if (event.type.startsWith('perch.')) {
    return;
  }
  const { rings } = eventRings.peek();
  rings.take(event, Date.now());
  eventRings.value = { rings };
});
