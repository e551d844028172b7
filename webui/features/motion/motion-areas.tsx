import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { CameraMotion } from '../../../agent/features/motion/routes.ts';
import { MaskBoard } from '../../camera-view/mask-board.tsx';
import type { Camera } from '../../cameras/camera.ts';
import { areaOf, isWide, type MaskDraft, type Shape } from '../../cameras/mask-shape.ts';
import { Button } from '../../ui/controls/button.tsx';
import { TextField } from '../../ui/controls/field.tsx';
import { SegmentedControl } from '../../ui/controls/segment.tsx';
import { maskWords } from '../../words/settings/masks.ts';
import {
  type Area,
  MAX_AREAS,
  MAX_CORNERS,
  newArea,
  newZoneName,
  typedName,
  withMoreCorners,
  withoutZone,
} from './motion-data.ts';
import { motionWords } from './words.ts';

const KINDS = ['zones', 'masks'] as const;
type Kind = (typeof KINDS)[number];
type Areas = Readonly<Record<Kind, readonly Area[]>>;

interface MotionAreasProps {
  readonly camera: Camera;
  readonly areas: Areas;
  readonly moving: CameraMotion['boxes'] | undefined;
  readonly isLocked: boolean;
  readonly onChange: (kind: Kind, areas: readonly Area[]) => void;
}

interface Chosen {
  readonly kind: Kind;
  readonly index: number;
}
const labelOf = ({ kind, index, name }: Chosen & Pick<Area, 'name'>): string => {
  const t = motionWords.value;
  return name.trim() || (kind === 'zones' ? t.zone : t.mask)(index + 1);
};
const tokenOf = ({ kind, index }: Chosen): string => `${kind} ${index}`;
function chosenOf(token: string): Chosen {
  const [kind, index] = token.split(' ');
  return { kind: kind === 'masks' ? 'masks' : 'zones', index: Number(index) };
}

/** The live picture, on which zones and masks are drawn, with what moves. */
export function MotionAreas({ camera, areas, moving, isLocked, onChange }: MotionAreasProps) {
  const t = motionWords.value;
  const host = useRef<HTMLDivElement>(null);
  const [kind, setKind] = useState<Kind>('zones');
  const [chosen, setChosen] = useState<Chosen>();
  /** Until the drag ends. */
  const [drawn, setDrawn] = useState<Shape>();
  const [added, setAdded] = useState(0);
  useEffect(() => {
    if (added > 0) {
      host.current?.querySelector<HTMLElement>('[aria-pressed=true]')?.focus();
    }
  }, [added]);
  const points = chosen && areas[chosen.kind][chosen.index]?.shape;
  const draft = drawn ? { token: undefined, points: drawn } : points && { token: tokenOf(chosen), points };
  const mayAdd = areas[kind].length < MAX_AREAS;
  const add = (shape: Shape) => {
    onChange(kind, [...areas[kind], { name: kind === 'zones' ? newZoneName(areas.zones) : '', shape }]);
    setChosen({ kind, index: areas[kind].length });
    setDrawn(undefined);
  };
  const change = ({ kind: of, index }: Chosen, news: Partial<Area>) =>
    onChange(
      of,
      areas[of].map((area, i) => (i === index ? { ...area, ...news } : area)),
    );
  const onDraft = (next: MaskDraft | undefined) => {
    if (next?.token === undefined) {
      setDrawn(next?.points);
      return;
    }
    const one = chosenOf(next.token);
    setDrawn(undefined);
    setChosen(one);
    change(one, { shape: next.points });
  };
  const remove = (one: Chosen) => {
    setChosen(undefined);
    const others = one.kind === 'zones' ? withoutZone : (all: readonly Area[], at: number) => all.toSpliced(at, 1);
    onChange(one.kind, others(areas[one.kind], one.index));
  };
  const all = KINDS.flatMap((one) => areas[one].map((area, index) => ({ kind: one, index, ...area })));
  return (
    <div class="motion-areas" ref={host}>
      <SegmentedControl
        label={t.draw}
        value={kind}
        options={KINDS.map((value) => ({ value, text: value === 'zones' ? t.zones : t.masks }))}
        onChange={setKind}
      />
      <p class="dim small">{kind === 'zones' ? t.zonesText : t.masksText}</p>
      <MaskBoard
        camera={camera}
        masks={all.map(({ shape, ...one }) => {
          return {
            token: tokenOf(one),
            points: shape,
            enabled: true,
            label: labelOf(one),
            isZone: one.kind === 'zones',
          };
        })}
        moving={(moving ?? []).map(({ score, ...box }) => ({ ...box, isEvent: score >= 1 }))}
        draft={draft}
        isRectangleOnly={false}
        mayAdd={mayAdd}
        mayLeave
        isLocked={isLocked}
        onDraft={onDraft}
        onDone={() => drawn && isWide(drawn) && add(drawn)}
      />
      <p class="dim small" id="mask-keys">
        {t.areasHint}
      </p>
      {all.length > 0 && (
        <ul class="card devices">
          {all.map(({ shape, ...one }) => (
            <AreaLine
              key={tokenOf(one)}
              label={labelOf(one)}
              shape={shape}
              isLocked={isLocked}
              onCorner={() => {
                setChosen(one);
                change(one, { shape: withMoreCorners(shape) });
              }}
              area={one}
              onName={(name) => change(one, { name })}
              onRemove={() => remove(one)}
            />
          ))}
        </ul>
      )}
      <Button
        isOff={!mayAdd || isLocked}
        onClick={() => {
          add(newArea(all.map(({ shape }) => shape)));
          setAdded(added + 1);
        }}
      >
        {kind === 'zones' ? t.addZone : t.addMask}
      </Button>
    </div>
  );
}

interface AreaLineProps {
  readonly label: string;
  readonly shape: Shape;
  readonly isLocked: boolean;
  readonly onCorner: () => void;
  readonly onRemove: () => void;
  readonly area: Chosen & Pick<Area, 'name'>;
  readonly onName: (name: string) => void;
}

function AreaLine({ label, shape, isLocked, onCorner, onRemove, area, onName }: AreaLineProps) {
  const t = motionWords.value;
  const id = useId();
  const [isCut, setCut] = useState(false);
  return (
    <li class="line">
      <span class="grow">
        <b id={id}>{label}</b>
        <span class="small dim">{t.areaCovers(Math.max(1, Math.round(100 * areaOf(shape))))}</span>
      </span>
      {area.kind === 'zones' && (
        <TextField
          label={t.zoneName(area.index + 1)}
          name={`zone-${area.index}`}
          value={area.name}
          autocomplete="off"
          isLocked={isLocked}
          hint={isCut ? t.zoneNameCut : undefined}
          onInput={(text) => {
            setCut(typedName(text) !== text);
            onName(typedName(text));
          }}
        />
      )}
      <button
        class="text"
        type="button"
        aria-describedby={id}
        disabled={isLocked || shape.length >= MAX_CORNERS}
        onClick={onCorner}
      >
        {t.addCorner}
      </button>
      <Button kind="text" danger about={id} isOff={isLocked} onClick={onRemove}>
        {maskWords.value.remove}
      </Button>
    </li>
  );
}
