import { signal } from '@preact/signals';
import { onNews } from '../box/news.ts';
import { EventRings } from './event-rings.ts';

/** Changes with each event; `nowMs` ends them. */
export const eventRings = signal<{ readonly rings: EventRings }>({ rings: new EventRings() });

onNews('event', (event) => {
  const { rings } = eventRings.peek();
  rings.take(event, Date.now());
  eventRings.value = { rings };
});
