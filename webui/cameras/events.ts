import { signal } from '@preact/signals';
import { onNews } from '../box/news.ts';
import { EventRings } from './event-rings.ts';

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
