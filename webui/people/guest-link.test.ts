import { afterEach, expect, test, vi } from 'vitest';
import { GuestLinkMaker } from './guest-link.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

/** A box that makes links, and whose first answers are lost. */
function stubBox({ lost }: { readonly lost: number }) {
  const others = { id: 'other', until: '2026-05-01T22:00:00.000Z', note: 'the parcel', paths: ['door'] };
  const guests: { id: string }[] = [others];
  let asked = 0;
  vi.stubGlobal('fetch', async (address: string, { method, body }: RequestInit) => {
    if (method === 'POST') {
      const made = { id: `link${asked}`, ...JSON.parse(String(body)) };
      guests.push(made);
      asked += 1;
      if (asked <= lost) {
        throw new TypeError('the network is gone');
      }
      return Response.json({ ...made, link: `http://box/#/guest/${made.id}` });
    }
    if (method === 'DELETE') {
      guests.splice(
        guests.findIndex(({ id }) => address.endsWith(id)),
        1,
      );
      return Response.json({ status: 'ok' });
    }
    return Response.json({ items: guests });
  });
  return guests;
}

const request = { paths: ['door'], recordings: false, until: '2026-05-01T22:00:00.000Z', note: 'the parcel' };

test('a link whose answer was lost is there once, however often it is asked for', async () => {
  const guests = stubBox({ lost: 2 });
  const maker = new GuestLinkMaker();
  await expect(maker.make(request)).rejects.toMatchObject({ status: 0 });
  await expect(maker.make({ ...request, until: '2026-05-01T22:00:05.000Z' })).rejects.toMatchObject({ status: 0 });
  const made = await maker.make({ ...request, until: '2026-05-01T22:00:09.000Z' });
  expect(made.link).toBe('http://box/#/guest/link2');
  expect(guests.map(({ id }) => id)).toEqual(['other', 'link2']);
});

test('a link that ends at the same moment as another leaves that alone', async () => {
  const guests = stubBox({ lost: 0 });
  await new GuestLinkMaker().make(request);
  expect(guests.map(({ id }) => id)).toEqual(['other', 'link0']);
});
