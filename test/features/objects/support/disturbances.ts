import { FPS, type Frame, HEIGHT, LUMA_BYTES, WIDTH } from './frame.ts';

/** Draws what moves without being an object. @param second since the start of the scene */
type Disturbance = (frame: Frame, second: number) => void;
type Maker = (next: () => number) => Disturbance;

const between = (next: () => number, low: number, high: number): number => low + (high - low) * next();

/** Repeats something that lasts for some seconds, with pauses. */
function nowAndThen<T>(
  next: () => number,
  lasts: readonly [number, number],
  pauses: readonly [number, number],
  begin: () => T,
  draw: (frame: Frame, of: T, since: number, share: number) => void,
): Disturbance {
  let from = between(next, 15, 20);
  let length = between(next, ...lasts);
  let of = begin();
  return (frame, second) => {
    if (second > from + length) {
      from += length + between(next, ...pauses);
      length = between(next, ...lasts);
      of = begin();
    }
    if (second >= from) {
      draw(frame, of, second - from, (second - from) / length);
    }
  };
}

/** Streaks; showers come and go. */
const rain: Maker = (next) => (frame, second) => {
  const drops = 60 + 50 * Math.sin(second / 9);
  for (let i = 0; i < drops; i += 1) {
    const length = between(next, 6, 22);
    frame.line(between(next, 0, WIDTH), between(next, -20, HEIGHT), -length / 8, length, between(next, 15, 45));
  }
};

/** Gusts: calm, then strong for some seconds. 0 to 1. */
const gust = (second: number, phase: number): number =>
  Math.max(0, Math.sin(second / 4 + phase) * Math.sin(second / 13 + 2 * phase)) ** 1.5;

/** Three bushes that shake, and a branch from above that swings through the picture. */
const leaves: Maker = (next) => {
  const bushes = Array.from({ length: 3 }, () => ({
    x: between(next, 60, WIDTH - 60),
    y: between(next, 180, HEIGHT - 30),
    radius: between(next, 30, 70),
    phase: between(next, 0, 6),
    leaves: Array.from({ length: 150 }, () => [between(next, -1, 1), between(next, -1, 1), between(next, -70, 30)]),
  }));
  const root = between(next, 100, WIDTH - 100);
  const twigs = Array.from({ length: 60 }, () => [next(), between(next, -16, 16), between(next, -16, 16)]);
  return (frame, second) => {
    for (const { x, y, radius, phase, leaves: all } of bushes) {
      const strength = 2 + 9 * gust(second, phase);
      for (const [dx = 0, dy = 0, light = 0] of all) {
        if (dx * dx + dy * dy < 1) {
          const sway = strength * Math.sin(2 * Math.PI * second + 3 * dx + phase) * (1 - dy);
          frame.glow(x + radius * dx + sway / 2, y + radius * dy, 5, 3.5, light);
        }
      }
    }
    const swing = 12 * Math.sin(1.7 * second) * (0.3 + gust(second, 1)) + 40 * gust(second, 1);
    for (let i = 0; i < 60; i += 1) {
      const share = i / 60;
      frame.glow(root + swing * share ** 2 + 50 * share, 170 * share, 4 - 2 * share, 4, -90);
    }
    for (const [share = 0, dx = 0, dy = 0] of twigs) {
      frame.glow(root + swing * share ** 2 + 50 * share + dx, 170 * share + dy, 7, 4, -60);
    }
  };
};

/** The camera switches to infrared and back, within four pictures each time. */
const infrared: Maker = () => (frame, second) => {
  const turn = second % 50;
  const share = Math.min(1, Math.max(0, (turn - 20) * (FPS / 4))) - Math.min(1, Math.max(0, (turn - 40) * (FPS / 4)));
  if (share > 0) {
    frame.infrared(share);
  }
};

/** At night, a car that is not in the picture: two lights with sharp edges and the shadows of posts wander over the walls. */
const headlights: Maker = (next) =>
  nowAndThen(
    next,
    [3, 6],
    [9, 16],
    () => ({ fromLeft: next() < 0.5, y: between(next, 120, 260), size: between(next, 50, 110) }),
    (frame, { fromLeft, y, size }, _, share) => {
      const x = -size + (WIDTH + 2 * size) * (fromLeft ? share : 1 - share);
      const growth = 1 + share;
      frame.glow(x - 0.7 * size, y, size * growth, 0.6 * size, 90, 0, 8);
      frame.glow(x + 0.7 * size, y, size * growth, 0.6 * size, 90, 0, 8);
      for (const post of [-0.8, -0.1, 0.6]) {
        frame.glow(x + size * growth * post, y, 7, 0.6 * size, -70, 0, 20);
      }
      frame.glow(WIDTH - x, y + 10, 14, 80, -35);
    },
  );

/** Insects in infrared light: bright and blurred, near the lens; a spider that swings on its thread. */
const insects: Maker = (next) => {
  const flights = nowAndThen(
    next,
    [1.5, 4],
    [8, 14],
    () => ({
      from: [between(next, 0, WIDTH), between(next, 0, HEIGHT)] as const,
      to: [between(next, 0, WIDTH), between(next, 0, HEIGHT)] as const,
      size: between(next, 10, 34),
      hertz: between(next, 0.5, 2),
    }),
    (frame, { from, to, size, hertz }, since, share) => {
      const x = from[0] + (to[0] - from[0]) * share + 40 * Math.sin(2 * Math.PI * hertz * since);
      const y = from[1] + (to[1] - from[1]) * share + 30 * Math.cos(5 * since);
      frame.glow(x, y, size, 0.6 * size, 150);
      const wing = size * Math.abs(Math.sin(17 * since));
      frame.glow(x - size, y - 0.5 * wing, 0.8 * size, 0.3 * wing + 2, 60);
      frame.glow(x + size, y - 0.5 * wing, 0.8 * size, 0.3 * wing + 2, 60);
    },
  );
  const spider = nowAndThen(
    next,
    [8, 12],
    [25, 40],
    () => between(next, 120, WIDTH - 120),
    (frame, home, since) => {
      const [x, y] = [home + 20 * Math.sin(1.9 * since), 90 + 9 * since];
      frame.line(x, y, home - x, -y, 50);
      frame.glow(x, y, 22, 28, 130);
      for (let leg = 0; leg < 8; leg += 1) {
        const side = leg < 4 ? -1 : 1;
        const bend = 6 * Math.sin(6 * since + leg);
        for (const shift of [0, 1, 2]) {
          frame.line(x + shift, y, side * 45, ((leg % 4) - 1.5) * 26 + bend, 90);
        }
      }
    },
  );
  return (frame, second) => {
    flights(frame, second);
    spider(frame, second);
  };
};

/** Shadows of clouds cross the scene; some have a sharp edge. */
const clouds: Maker = (next) =>
  nowAndThen(
    next,
    [6, 10],
    [6, 12],
    () => ({ edge: between(next, 25, 160), dark: between(next, 0.2, 0.45), slope: between(next, -0.6, 0.6) }),
    (frame, { edge, dark, slope }, _, share) => {
      const front = -400 + (WIDTH + 800) * share;
      frame.shade((x, y) => {
        const away = Math.abs(x + slope * y - front) - 180;
        return 1 - dark * (1 - Math.min(1, Math.max(0, away / edge)));
      });
    },
  );

/** Nothing but the dark, in which the noise is strong. */
const dark: Maker = () => (frame) => {
  for (let at = 0; at < LUMA_BYTES; at += 1) {
    frame.luma[at] = 16 + 0.3 * (frame.luma[at] as number);
  }
};

const night = (of: Maker): Maker => {
  return (next) => {
    const [first, second] = [dark(next), of(next)];
    return (frame, at) => {
      first(frame, at);
      frame.infrared(1);
      second(frame, at);
    };
  };
};

interface Weather {
  /** Noise in steps of luma. */
  readonly noise: number;
  readonly make: Maker;
}

const none: Maker = () => () => {};
export const WEATHER = {
  day: { noise: 0.8, make: none },
  dusk: { noise: 2.2, make: none },
  rain: { noise: 1.2, make: rain },
  leaves: { noise: 1.5, make: leaves },
  infrared: { noise: 1, make: infrared },
  headlights: { noise: 3, make: night(headlights) },
  insects: { noise: 3, make: night(insects) },
  clouds: { noise: 0.8, make: clouds },
  night: { noise: 5, make: night(none) },
} as const satisfies Record<string, Weather>;
export type WeatherName = keyof typeof WEATHER;
