import type { ComponentChildren, TargetedKeyboardEvent, TargetedPointerEvent } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { type Camera, canPlay, pictureSize, smallPath } from '../cameras/camera.ts';
import {
  boundsOf,
  grownBy,
  isWide,
  type Mask,
  type MaskDraft,
  movedBy,
  type Point,
  rectangleOf,
  type Shape,
  withCorner,
} from '../cameras/mask-shape.ts';
import { Picture, useLivePlayer } from '../player/picture.tsx';
import { stepOf } from '../ui/browser/keys.ts';
import { maskWords } from '../words/settings/masks.ts';

const KEY_STEP = 0.01;
/** Distance within which a pointer grabs a corner. */
const CORNER_PX = 24;
/** A shorter movement is a tap. */
const DRAG_PX = 4;

/** An area on the board. */
interface BoardMask extends Mask {
  /** Name for screen readers; absent: the usual one of a mask. */
  readonly label?: string;
  readonly isZone?: boolean;
}

/** Something that moves, in shares of the picture. */
interface MovingBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly isEvent: boolean;
}

interface BoardProps {
  readonly masks: readonly BoardMask[];
  readonly moving?: readonly MovingBox[];
  readonly draft: MaskDraft | undefined;
  readonly isRectangleOnly: boolean;
  /** Whether another mask may be added. */
  readonly mayAdd: boolean;
  /** Whether another mask may be chosen without losing unsaved changes. */
  readonly mayLeave: boolean;
  readonly isLocked: boolean;
  readonly onDraft: (draft: MaskDraft | undefined) => void;
  /** Called when a drag has ended. */
  readonly onDone?: () => void;
}

/** What a pointer does. */
interface Held {
  readonly kind: 'draw' | 'move' | 'corner';
  readonly corner: number;
  readonly from: Point;
  readonly shape: Shape;
  readonly before: MaskDraft | undefined;
  hasMoved: boolean;
  readonly token: string | undefined;
}

/** The live picture with the camera's masks. */
export function MaskBoard({ camera, ...props }: BoardProps & { readonly camera: Camera }) {
  const item = smallPath(camera);
  const player = useLivePlayer({ name: item.name, camera: camera.name, wantsSound: false });
  return (
    <ShapeBoard size={pictureSize(item)} {...props}>
      <Picture player={player} isOn={canPlay(item)} />
    </ShapeBoard>
  );
}

interface ShapeBoardProps extends BoardProps {
  /** Such as `1920×1080`, or undefined if unknown. */
  readonly size: string | undefined;
  /** The picture. */
  readonly children: ComponentChildren;
}

/** A picture with shapes. A drag draws, moves or changes one, and so do the arrow keys. */
export function ShapeBoard(props: ShapeBoardProps) {
  const { masks, draft, isLocked, onDraft, children } = props;
  const t = maskWords.value;
  const board = useRef<HTMLDivElement>(null);
  const drag = useMaskDrag(props);
  const isNew = draft !== undefined && draft.token === undefined;
  useEffect(() => {
    if (isNew) {
      board.current?.querySelector<HTMLElement>('[aria-pressed=true]')?.focus();
    }
  }, [isNew]);
  const shapes = masks.map(({ token, points, enabled, label, isZone }) => {
    const isChosen = draft?.token === token;
    return { token, points: isChosen ? draft.points : points, isChosen, isOff: !enabled && !isChosen, label, isZone };
  });
  const all = isNew ? [...shapes, { ...draft, isChosen: true, isOff: false, label: undefined, isZone: false }] : shapes;
  const onKeyDown = (token: string | undefined, points: Shape) => (event: TargetedKeyboardEvent<HTMLButtonElement>) => {
    const by = stepOf(event, STEPS);
    if (by && !isLocked && (draft?.token === token || props.mayLeave)) {
      event.preventDefault();
      event.stopPropagation();
      onDraft({ token, points: (event.shiftKey ? grownBy : movedBy)(points, by) });
    }
  };
  const size = props.size?.replace('×', '/');
  return (
    <div class="mask-board" ref={board} data-own-gestures style={size ? { '--shape': size } : {}} {...drag}>
      {children}
      <svg viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
        {all.map(({ token, points, isChosen, isOff, isZone }) => (
          <polygon
            key={token ?? ''}
            class={`${isZone ? 'zone ' : ''}${isChosen ? 'chosen' : isOff ? 'off' : ''}`}
            points={points.map((point) => point.join()).join(' ')}
          />
        ))}
        {props.moving?.map(({ isEvent, ...box }, i) => (
          <rect key={i} class={isEvent ? 'event' : ''} {...box} />
        ))}
      </svg>
      {all.map(({ token, points, isChosen, label }, i) => (
        <button
          key={token ?? ''}
          type="button"
          style={placeOf(points)}
          aria-pressed={isChosen}
          aria-label={`${label ?? t.mask(i + 1)}: ${placeText(points)}`}
          aria-describedby="mask-keys"
          onKeyDown={onKeyDown(token, points)}
          onClick={(event) => event.detail === 0 && props.mayLeave && onDraft({ token, points })}
        />
      ))}
      {draft?.points.map((point, i) => (
        <i key={i} class="corner-mark" style={{ left: percent(point[0]), top: percent(point[1]) }} />
      ))}
    </div>
  );
}

const percent = (share: number): string => `${Math.round(share * 10_000) / 100}%`;

function placeOf(points: Shape) {
  const { x, y, width, height } = boundsOf(points);
  return { left: percent(x), top: percent(y), width: percent(width), height: percent(height) };
}

function placeText(points: Shape): string {
  const { x, y, width, height } = boundsOf(points);
  const [left, top, across, down] = [x, y, width, height].map((share) => Math.round(100 * share));
  return maskWords.value.place(left ?? 0, top ?? 0, across ?? 0, down ?? 0);
}

const STEPS: Readonly<Record<string, Point>> = {
  ArrowLeft: [-KEY_STEP, 0],
  ArrowRight: [KEY_STEP, 0],
  ArrowUp: [0, -KEY_STEP],
  ArrowDown: [0, KEY_STEP],
};

function useMaskDrag({ masks, draft, isRectangleOnly, mayAdd, mayLeave, isLocked, onDraft, onDone }: BoardProps) {
  const held = useRef<Held | undefined>(undefined);
  const shareOf = ({ currentTarget, clientX, clientY }: TargetedPointerEvent<HTMLElement>): Point => {
    const { left, top, width, height } = currentTarget.getBoundingClientRect();
    return [(clientX - left) / width, (clientY - top) / height];
  };
  const grip = (event: TargetedPointerEvent<HTMLElement>): Held | undefined => {
    const from = shareOf(event);
    const hold = (kind: Held['kind'], shape: Shape, token: string | undefined, corner = 0): Held => {
      return { kind, corner, from, shape, before: draft, hasMoved: false, token };
    };
    const { width, height } = event.currentTarget.getBoundingClientRect();
    const nearest = (points: Shape) =>
      points.findIndex(([x, y]) => Math.hypot((x - from[0]) * width, (y - from[1]) * height) < CORNER_PX);
    const corner = draft ? nearest(draft.points) : -1;
    if (draft && (corner >= 0 || isIn(draft.points, from))) {
      return hold(corner >= 0 ? 'corner' : 'move', draft.points, draft.token, corner);
    }
    const isNew = draft && draft.token === undefined;
    const other = mayLeave ? masks.findLast(({ points }) => isIn(points, from)) : undefined;
    if (other) {
      return hold('move', other.points, other.token);
    }
    return (mayLeave || isNew) && (mayAdd || isNew) ? hold('draw', [], undefined) : undefined;
  };
  const end = () => {
    const { current } = held;
    held.current = undefined;
    // Restores the former shape after a tap, or if the new one is too small to grab.
    if (current && draft && !isWide(draft.points)) {
      onDraft(current.before);
    } else if (current) {
      onDone?.();
    }
  };
  return {
    onPointerDown: (event: TargetedPointerEvent<HTMLElement>) => {
      held.current = isLocked || !event.isPrimary ? undefined : grip(event);
      if (held.current) {
        event.currentTarget.setPointerCapture(event.pointerId);
      }
      if (held.current?.kind === 'move') {
        onDraft({ token: held.current.token, points: held.current.shape });
      }
    },
    onPointerMove: (event: TargetedPointerEvent<HTMLElement>) => {
      const { current } = held;
      if (!current) {
        return;
      }
      const { kind, from, shape, token, corner } = current;
      const to = shareOf(event);
      const { clientWidth, clientHeight } = event.currentTarget;
      current.hasMoved ||= Math.hypot((to[0] - from[0]) * clientWidth, (to[1] - from[1]) * clientHeight) >= DRAG_PX;
      if (!current.hasMoved) {
        return;
      }
      const points = {
        draw: () => rectangleOf(from, [within(to[0]), within(to[1])]),
        move: () => movedBy(shape, [to[0] - from[0], to[1] - from[1]]),
        corner: () => withCorner(shape, corner, to, isRectangleOnly),
      }[kind]();
      onDraft({ token, points });
    },
    onPointerUp: end,
    onPointerCancel: end,
  };
}

const within = (share: number): number => Math.min(Math.max(share, 0), 1);

const isIn = (points: Shape, [px, py]: Point): boolean => {
  const { x, y, width, height } = boundsOf(points);
  return px >= x && px <= x + width && py >= y && py <= y + height;
};
