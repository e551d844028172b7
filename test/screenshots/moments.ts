export const SCENES = ['door', 'garden', 'driveway', 'barn', 'hall', 'gate'] as const;
export type Scene = (typeof SCENES)[number];

/** How a scene looks at a moment: style for its parts, and what else is in it. */
export interface Look {
  readonly css: string;
  /** SVG. */
  readonly more: string;
}

/** Something that happened before the present. */
export interface Moment {
  readonly scene: Scene;
  readonly type: string;
  readonly hoursAgo: number;
  readonly seconds: number;
  readonly look: Look;
}

/** Half of a drawing's units, from the front and from the side. */
const CAT = `<g id="cat" filter="url(#b1)"><ellipse cx="0" cy="2" rx="26" ry="5" fill="#111" opacity=".5"/>
<path d="M-14 0C-18-22-10-38 0-40s16 16 14 40z" fill="#c9853f"/><circle cx="0" cy="-46" r="12" fill="#d1904b"/>
<path d="M-11-51l-1-13 9 6zM11-51l1-13-9 6z" fill="#b5722f"/><path d="M13-4c18 2 20-16 12-24" stroke="#b5722f" stroke-width="6" fill="none" stroke-linecap="round"/>
<path d="M-6-2v-16M6-2v-16" stroke="#e8c79c" stroke-width="5" stroke-linecap="round"/><circle cx="-4" cy="-47" r="1.8"/><circle cx="4" cy="-47" r="1.8"/></g>`;
const FOX = `<g filter="url(#b1)"><ellipse cx="0" cy="2" rx="44" ry="5" fill="#111" opacity=".5"/>
<path d="M-34-22C-20-32 14-32 28-24L26-10C10-12-20-10-30-8z" fill="#b4602a"/><path d="M24-26l8-18 8 8 14 8-14 8-16 4z" fill="#bd6a30"/>
<path d="M-30-18c-22-4-36 4-46 14 16 6 34 4 48-6z" fill="#a9551f"/><path d="M-76-4c4-4 8-6 13-8l4 9c-6 2-11 1-17-1z" fill="#eee3d2"/>
<path d="M-26-12l-4 14M-18-12l2 14M18-12l-3 14M25-14l6 15" stroke="#3c2417" stroke-width="5" stroke-linecap="round"/></g>`;
const walker = (coat: string) => `<g filter="url(#b1)"><ellipse cx="0" cy="2" rx="26" ry="6" fill="#111" opacity=".55"/>
<path d="M-10-50l-6 50M8-50l8 48" stroke="#2b303a" stroke-width="13" stroke-linecap="round"/>
<path d="M-20-48C-22-90-14-110 0-110s22 20 20 62z" fill="${coat}"/><path d="M-16-96c-12 12-14 28-10 42M16-96c12 12 16 26 12 40" stroke="${coat}" stroke-width="10" fill="none" stroke-linecap="round"/>
<circle cx="0" cy="-124" r="13" fill="#c99a7c"/><path d="M-14-125c0-20 28-20 28 0-8-6-20-6-28 0z" fill="#41301f"/></g>`;

const at = (x: number, y: number, scale: number, drawing: string, flips = false): string =>
  `<g transform="translate(${x} ${y}) scale(${flips ? -scale : scale} ${scale})">${drawing}</g>`;

const look = (css: string, more = ''): Look => ({ css, more });
const EMPTY = '#visitor{display:none}';
const visitor = (x: number, y: number, scale: number, hue: number): Look =>
  look(
    `#visitor{transform:translate(${x}px,${y}px) scale(${scale});}#parcel{display:none}#visitor :is([fill="url(#jk)"],[fill^="#1"]){filter:hue-rotate(${hue}deg)}`,
  );
const carAt = (x: number, y: number, scale: number, hue = 0): Look =>
  look(`#car{transform:translate(${x}px,${y}px) scale(${scale});filter:hue-rotate(${hue}deg)}`);
const NO_CAR = '#car{display:none}';

/** What the cameras see now. */
export const PRESENT: Readonly<Record<Scene, Look>> = {
  door: look(EMPTY, at(452, 306, 1.15, CAT, true)),
  garden: look(''),
  driveway: look(''),
  barn: look(''),
  hall: look(''),
  gate: look('svg{filter:brightness(2.1) saturate(1.2)}'),
};

const moment = (scene: Scene, type: string, hoursAgo: number, seconds: number, seen: Look): Moment => ({
  ...{ scene, type, hoursAgo, seconds },
  look: seen,
});

/** When the courier rings. */
export const VISIT_HOURS_AGO = 2.4;
export const GUEST_HOURS_AGO = 0.3;
const COURIER = look('');

export const MOMENTS: readonly Moment[] = [
  moment('door', 'doorbell', VISIT_HOURS_AGO, 5, COURIER),
  moment('door', 'person', VISIT_HOURS_AGO + 12 / 3600, 40, COURIER),
  moment('driveway', 'vehicle', VISIT_HOURS_AGO + 40 / 3600, 25, carAt(250, 70, 0.5, 160)),
  moment('door', 'person', GUEST_HOURS_AGO, 70, visitor(0, 0, 1, 130)),
  moment('door', 'motion', 0.7, 24, look(EMPTY, at(250, 300, 1.2, CAT))),
  moment('door', 'person', 1.1, 33, look(EMPTY, at(320, 292, 1.05, walker('#7d2f3a')))),
  moment('door', 'motion', 1.6, 42, look(`${EMPTY}#van{transform:translate(250px,0)}`, at(360, 250, 0.7, CAT, true))),
  moment('door', 'person', 2.9, 51, visitor(142, 80, 0.6, 250)),
  moment('door', 'motion', 3.4, 60, look(EMPTY, at(180, 320, 1.1, FOX))),
  moment('door', 'motion', 4.2, 69, look(`${EMPTY}#van{display:none}`, at(420, 330, 1.3, CAT, true))),
  moment('door', 'person', 5.5, 78, look(`${EMPTY}#van{display:none}`, at(332, 226, 0.62, walker('#46603a')))),
  moment('door', 'motion', 6.1, 87, look(`${EMPTY}#van{transform:translate(-40px,0)}`, at(470, 300, 0.9, FOX, true))),
  moment('garden', 'animal', 0.45, 20, look('', at(250, 250, 0.9, FOX))),
  moment('driveway', 'vehicle', 0.85, 20, carAt(196, 96, 0.5, 140)),
  moment('barn', 'motion', 1.25, 20, look('#horse{transform:translate(150px,6px)}')),
  moment('garden', 'person', 1.75, 20, look('', at(372, 214, 0.6, walker('#31538c')))),
  moment('driveway', 'animal', 3.05, 20, look(NO_CAR, at(300, 290, 1, CAT))),
  moment('barn', 'motion', 3.55, 20, look('#horse{transform:translate(600px,0) scale(-1,1)}')),
  moment('garden', 'motion', 4.35, 20, look('', at(470, 270, 1, CAT, true))),
  moment('driveway', 'person', 5.65, 20, look(NO_CAR, at(380, 270, 1, walker('#8a6d2f')))),
  moment(
    'gate',
    'vehicle',
    1.9,
    20,
    look(
      PRESENT.gate.css,
      '<circle cx="306" cy="190" r="9" fill="#fff6d8"/><circle cx="346" cy="190" r="9" fill="#fff6d8"/><circle cx="326" cy="196" r="60" fill="#ffe9bb" opacity=".45" filter="url(#b20)"/>',
    ),
  ),
  moment('hall', 'motion', 2.1, 20, look('#dog{transform:translate(-150px,-10px)}')),
];

const NIGHT = 'svg{filter:grayscale(1) brightness(.75) contrast(1.15)}';
const MORNING = 'svg{filter:sepia(.22) brightness(.92)}';
const OUTSIDE: readonly Scene[] = ['door', 'garden', 'driveway'];

/** In infrared light during the night. */
export function lightAt(scene: Scene, ms: number): string {
  const hour = new Date(ms).getHours();
  if (!OUTSIDE.includes(scene)) {
    return '';
  }
  return hour < 7 || hour >= 18 ? NIGHT : hour < 9 ? MORNING : '';
}
