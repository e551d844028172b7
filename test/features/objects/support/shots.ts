import { settled } from '../../../peers/browser/page-visit.ts';
import type { Shot } from '../../../screenshots/shots.ts';

/** As on a box that looks at the pictures of one camera, and on one that is too slow. */
export function shots(door: string): readonly Shot[] {
  const cameras = [{ name: door, objects: ['person', 'vehicle'], by: 'box' }];
  const measured = { progress: null, model: 'NanoDet', pictureMs: 190, memoryMb: 219, cameras };
  const answered = (name: string, answer: object): Shot => ({
    ...{ name, place: '#/settings/system', sign: '.headline' },
    act: async (page) => {
      await page.route('**/v3/objects', (route) => route.fulfill({ json: { ...measured, ...answer } }));
      await page.evaluate("location.hash = '#/settings/cameras/objects'");
      await settled(page, '.objects-page .costs, .objects-page .message-card');
    },
  });
  return [
    answered('objects-ready', { state: 'ready', reason: null }),
    answered('objects-fetching', { state: 'fetching', reason: null, progress: 0.4, pictureMs: null, memoryMb: null }),
    answered('objects-slow', { state: 'tooSlow', reason: 'x', pictureMs: 2_340 }),
  ];
}
