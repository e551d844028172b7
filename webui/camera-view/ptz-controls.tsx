import type { ComponentChild } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { CameraOutput } from '../api-client/api-types.ts';
import { retryUntilAnswered } from '../api-client/retry.ts';
import { toast } from '../ui/feedback/toast.tsx';
import { Icon, type IconName } from '../ui/icons/icon.tsx';
import { lazyPart } from '../ui/lazy/lazy-page.tsx';
import { cameraViewWords } from '../words/camera-view.ts';
import { isInSlider, onPageLeave, useHeldKeys } from './held-keys.ts';
import { isZoomed } from './picture-zoom.ts';
import {
  type CameraControls,
  failureText,
  loadControls,
  loadOutputs,
  type Preset,
  type Ptz,
  sendPtz,
} from './ptz-api.ts';
import { AT_REST, PtzMotion, padVelocity, type Velocity } from './ptz-motion.ts';
import { centerings, centersOnTap } from './tap-to-center.ts';

const PlacesSheet = lazyPart(() => import('./presets-sheet.tsx').then((part) => part.PresetsSheet));
const SwitchSheet = lazyPart(() => import('./outputs-sheet.tsx').then((part) => part.OutputsSheet));

interface PresetsProps {
  readonly camera: string;
  readonly all: readonly Preset[];
  readonly chosen: string | undefined;
  readonly isOwn: boolean;
  readonly onGo: (token: string) => void;
  readonly onChanged: (all: readonly Preset[]) => void;
}

/** Presets; the last chip edits them. */
function Presets({ camera, all, chosen, isOwn, onGo, onChanged }: PresetsProps) {
  const [isOpen, setOpen] = useState(false);
  const t = cameraViewWords.value;
  return (
    <>
      <fieldset aria-label={t.presets}>
        {all.map(({ token, name }) => (
          <button
            key={token}
            class="chip tap"
            type="button"
            aria-pressed={token === chosen}
            onClick={() => onGo(token)}
          >
            <bdi>{name || token}</bdi>
          </button>
        ))}
        {isOwn && (
          <button
            class="chip tap"
            type="button"
            aria-label={all.length > 0 ? t.changePlaces : undefined}
            aria-haspopup="dialog"
            onClick={() => setOpen(true)}
          >
            <Icon name="plus" />
            {all.length === 0 && t.savePlace}
          </button>
        )}
      </fieldset>
      {isOpen && <PlacesSheet camera={camera} all={all} onChanged={onChanged} onClosed={() => setOpen(false)} />}
    </>
  );
}

/** Speed of movements by keys and buttons, as a share of the greatest. */
const KEY_SPEED = 0.5;

const DIRECTIONS = {
  up: { ...AT_REST, tilt: KEY_SPEED },
  left: { ...AT_REST, pan: -KEY_SPEED },
  right: { ...AT_REST, pan: KEY_SPEED },
  down: { ...AT_REST, tilt: -KEY_SPEED },
  in: { ...AT_REST, zoom: KEY_SPEED },
  out: { ...AT_REST, zoom: -KEY_SPEED },
} as const;
type Direction = keyof typeof DIRECTIONS;

const PAN_KEYS = {
  ArrowUp: DIRECTIONS.up,
  ArrowLeft: DIRECTIONS.left,
  ArrowRight: DIRECTIONS.right,
  ArrowDown: DIRECTIONS.down,
};
const ZOOM_KEYS = { '+': DIRECTIONS.in, '=': DIRECTIONS.in, '-': DIRECTIONS.out };

interface PtzControlsProps {
  readonly name: string;
  readonly mayTurn: boolean;
  readonly maySwitch: boolean;
  /** Whether the person is the owner, and the camera is none of another box. */
  readonly isOwn: boolean;
}

/** Pad, zoom, presets and outputs, as far as the camera supports them and the person may use them. */
export function PtzControls({ name, mayTurn, maySwitch, isOwn }: PtzControlsProps) {
  const [{ ptz, hasOnvif }, setControls] = useState<CameraControls>({ ptz: undefined, hasOnvif: false });
  const [outputs, setOutputs] = useState<readonly CameraOutput[]>([]);
  useEffect(() => {
    const stop = new AbortController();
    // The strip reports an unreachable box.
    retryUntilAnswered(() => loadControls(name, mayTurn, isOwn, stop.signal), stop.signal).then(
      (controls) => controls && setControls(controls),
      () => {},
    );
    return () => stop.abort();
  }, [name, mayTurn, isOwn]);
  useEffect(() => {
    const stop = new AbortController();
    if (hasOnvif && maySwitch) {
      retryUntilAnswered(() => loadOutputs(name, stop.signal), stop.signal).then(
        (all) => all && setOutputs(all),
        () => {},
      );
    }
    return () => stop.abort();
  }, [name, hasOnvif, maySwitch]);
  /** As the camera says, else as this page has switched it. */
  const switched = (id: string, isOn: boolean) =>
    setOutputs((all) => all.map((one) => (one.id === id && !one.isMomentary ? { ...one, isOn } : one)));
  const switches = maySwitch && outputs.length > 0 && (
    <Switches camera={name} outputs={outputs} onSwitched={switched} />
  );
  return ptz ? (
    <Controls name={name} ptz={ptz} isOwn={isOwn} switches={switches} />
  ) : (
    switches && <div class="presets">{switches}</div>
  );
}

interface ControlsProps {
  readonly name: string;
  readonly ptz: Ptz;
  readonly isOwn: boolean;
  readonly switches: ComponentChild;
}

function Controls({ name, ptz, isOwn, switches }: ControlsProps) {
  const [presets, setPresets] = useState(ptz.presets);
  const [chosen, setChosen] = useState<string>();
  useEffect(() => setChosen(undefined), [centerings.value]);
  /** A press by key or screen reader toggles. */
  const [pressed, setPressed] = useState<Direction>();
  const motion = usePtzMotion(name);
  const turn = (velocity: Velocity, direction?: Direction) => {
    setPressed(direction);
    setChosen(undefined);
    motion.turn(velocity);
  };
  const press = (direction: Direction) =>
    pressed === direction ? turn(AT_REST) : turn(DIRECTIONS[direction], direction);
  const keys = { ...(ptz.hasPanTilt ? PAN_KEYS : {}), ...(ptz.hasZoom ? ZOOM_KEYS : {}) };
  useHeldKeys(
    Object.keys(keys),
    (key) => turn(keys[key as keyof typeof keys] ?? AT_REST),
    () => turn(AT_REST),
    (target) => isZoomed() || isInSlider(target),
  );
  const goTo = (what: 'goto' | 'home', token?: string) => {
    setChosen(token);
    sendPtz(name, what, token === undefined ? undefined : { token }).catch(toastFailure);
  };
  return (
    <>
      <div class="ptz-controls">
        {ptz.hasPanTilt && (
          <Pad pressed={pressed} onTurn={turn} onPress={press} onHome={ptz.hasHome ? () => goTo('home') : undefined} />
        )}
        {ptz.hasZoom && <Rocker pressed={pressed} onTurn={turn} onPress={press} />}
      </div>
      {(presets || ptz.canCenter || switches) && (
        <div class="presets">
          {presets && (
            <Presets
              camera={name}
              all={presets}
              chosen={chosen}
              isOwn={isOwn}
              onGo={(token) => goTo('goto', token)}
              onChanged={setPresets}
            />
          )}
          {ptz.canCenter && <CenterSwitch isEstimated={ptz.isCenterEstimated} />}
          {switches}
        </div>
      )}
    </>
  );
}

/** C and this button: a tap on the picture turns the camera there. */
function CenterSwitch({ isEstimated }: { readonly isEstimated: boolean }) {
  const t = cameraViewWords.value;
  const toggle = () => {
    centersOnTap.value = !centersOnTap.peek();
    if (centersOnTap.peek()) {
      toast(isEstimated ? t.tapToCenterNear : t.tapToCenterText);
    }
  };
  useHeldKeys(['c'], toggle, () => {});
  useEffect(
    () => () => {
      centersOnTap.value = false;
    },
    [],
  );
  return (
    <button class="chip tap to-center" type="button" aria-pressed={centersOnTap.value} onClick={toggle}>
      <Icon name="full" />
      {t.tapToCenter}
    </button>
  );
}

interface SwitchesProps {
  readonly camera: string;
  readonly outputs: readonly CameraOutput[];
  readonly onSwitched: (id: string, isOn: boolean) => void;
}

function Switches({ camera, outputs, onSwitched }: SwitchesProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button class="chip tap to-outputs" type="button" aria-haspopup="dialog" onClick={() => setOpen(true)}>
        <Icon name="bolt" />
        {cameraViewWords.value.outputs}
      </button>
      {isOpen && <SwitchSheet {...{ camera, outputs, onSwitched }} onClosed={() => setOpen(false)} />}
    </>
  );
}

const toastFailure = (error: unknown) => toast(failureText(cameraViewWords.peek().notTurned, error));

/** Stops when the page loses focus, which may swallow the release. */
function usePtzMotion(name: string): PtzMotion {
  const motion = useMemo(
    () =>
      new PtzMotion({
        move: (velocity) => sendPtz(name, 'move', velocity),
        stop: () => sendPtz(name, 'stop'),
        onFailure: toastFailure,
      }),
    [name],
  );
  useEffect(() => {
    const forget = onPageLeave(() => motion.leave());
    return () => {
      forget();
      motion.leave();
    };
  }, [motion]);
  return motion;
}

interface PtzControlProps {
  readonly pressed: Direction | undefined;
  readonly onTurn: (velocity: Velocity) => void;
  readonly onPress: (direction: Direction) => void;
}

interface ArrowProps extends Pick<PtzControlProps, 'pressed' | 'onPress'> {
  readonly direction: Direction;
  readonly icon: IconName;
}

function Arrow({ direction, icon, pressed, onPress }: ArrowProps) {
  const t = cameraViewWords.value;
  const names = { up: t.turnUp, left: t.turnLeft, right: t.turnRight, down: t.turnDown, in: t.zoomIn, out: t.zoomOut };
  return (
    <button
      class={`arrow ${direction}`}
      type="button"
      aria-label={names[direction]}
      aria-pressed={pressed === direction}
      onClick={({ detail }) => {
        // The pointer has handled this click; keys and screen readers send a click count of 0.
        if (detail === 0) {
          onPress(direction);
        }
      }}
    >
      <Icon name={icon} />
    </button>
  );
}

const ARROWS = ['up', 'left', 'right', 'down'] as const;

function Pad({ pressed, onTurn, onPress, onHome }: PtzControlProps & { readonly onHome: (() => void) | undefined }) {
  const knob = useRef<HTMLElement>(null);
  const held = useRef<number | undefined>(undefined);
  const t = cameraViewWords.value;
  const follow = ({
    currentTarget,
    clientX,
    clientY,
  }: {
    currentTarget: Element;
    clientX: number;
    clientY: number;
  }) => {
    const { left, top, width } = currentTarget.getBoundingClientRect();
    const [x, y] = [((clientX - left) / width) * 2 - 1, ((clientY - top) / width) * 2 - 1];
    const reach = Math.max(1, Math.hypot(x, y) / 0.7);
    knob.current?.style.setProperty('translate', `${(x / reach) * 50}cqw ${(y / reach) * 50}cqw`);
    onTurn(padVelocity(x, y));
  };
  const releasePlayer = () => {
    if (held.current !== undefined) {
      held.current = undefined;
      knob.current?.style.removeProperty('translate');
      onTurn(AT_REST);
    }
  };
  return (
    <fieldset
      class="pad"
      aria-label={t.turnIt}
      onPointerDown={(event) => {
        if (held.current === undefined && event.button === 0 && !isHome(event)) {
          held.current = event.pointerId;
          event.currentTarget.setPointerCapture(event.pointerId);
          follow(event);
        }
      }}
      onPointerMove={(event) => event.pointerId === held.current && follow(event)}
      onPointerUp={releasePlayer}
      onPointerCancel={releasePlayer}
      onLostPointerCapture={releasePlayer}
      onContextMenu={(event) => event.preventDefault()}
    >
      {ARROWS.map((direction) => (
        <Arrow key={direction} direction={direction} icon={ICONS[direction]} pressed={pressed} onPress={onPress} />
      ))}
      <i class="knob" ref={knob} />
      {onHome && (
        <button class="pad-home" type="button" aria-label={t.turnHome} onClick={onHome}>
          <Icon name="home" />
        </button>
      )}
    </fieldset>
  );
}

const ICONS = { up: 'up', left: 'back', right: 'go', down: 'down' } as const;

const isHome = ({ target }: Event): boolean => target instanceof Element && target.closest('.pad-home') !== null;

function Rocker({ pressed, onTurn, onPress }: PtzControlProps) {
  const { zoom } = cameraViewWords.value;
  const hold = (direction: 'in' | 'out') => ({
    onPointerDown: (event: PointerEvent) => {
      if (event.button === 0) {
        (event.currentTarget as Element).setPointerCapture(event.pointerId);
        onTurn(DIRECTIONS[direction]);
      }
    },
    onLostPointerCapture: () => onTurn(AT_REST),
    onContextMenu: (event: Event) => event.preventDefault(),
  });
  return (
    <fieldset class="rocker" aria-label={zoom}>
      <div {...hold('in')}>
        <Arrow direction="in" icon="plus" pressed={pressed} onPress={onPress} />
      </div>
      <div {...hold('out')}>
        <Arrow direction="out" icon="minus" pressed={pressed} onPress={onPress} />
      </div>
    </fieldset>
  );
}
