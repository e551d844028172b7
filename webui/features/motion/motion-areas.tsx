import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { CameraMotion } from '../../../agent/features/motion/routes.ts';
import { MaskBoard } from '../../camera-view/mask-board.tsx';
import type { Camera } from '../../cameras/camera.ts';
import { areaOf, isWide, type MaskDraft, type Shape } from '../../cameras/mask-shape.ts';
import { Button } from '../../ui/controls/button.tsx';
import { SegmentedControl } from '../../ui/controls/segment.tsx';
import { maskWords } from '../../words/settings/masks.ts';
import { MAX_AREAS, MAX_CORNERS, newArea, withMoreCorners } from './motion-data.ts';
import { motionWords } from './words.ts';

const KINDS = ['zones', 'masks'] as const;
type Kind = (typeof KINDS)[number];
type Areas = Readonly<Record<Kind, readonly Shape[]>>;

interface MotionAreasProps {
  readonly camera: Camera;
  readonly areas: Areas;
  readonly moving: CameraMotion['boxes'] | undefined;
  readonly isLocked: boolean;
  readonly onChange: (kind: Kind, shapes: readonly Shape[]) => void;
}

interface Chosen {
  readonly kind: Kind;
  readonly index: number;
}
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
  const points = chosen && areas[chosen.kind][chosen.index];
  const draft = drawn ? { token: undefined, points: drawn } : points && { token: tokenOf(chosen), points };
  const mayAdd = areas[kind].length < MAX_AREAS;
  const add = (shape: Shape) => {
    onChange(kind, [...areas[kind], shape]);
    setChosen({ kind, index: areas[kind].length });
    setDrawn(undefined);
  };
  const change = (one: Chosen, shape: Shape) => onChange(one.kind, areas[one.kind].with(one.index, shape));
  const onDraft = (next: MaskDraft | undefined) => {
    if (next?.token === undefined) {
      setDrawn(next?.points);
      return;
    }
    const one = chosenOf(next.token);
    setDrawn(undefined);
    setChosen(one);
    change(one, next.points);
  };
  const remove = (one: Chosen) => {
    setChosen(undefined);
    onChange(one.kind, areas[one.kind].toSpliced(one.index, 1));
  };
  const all = KINDS.flatMap((one) => areas[one].map((shape, index) => ({ kind: one, index, shape })));
  const labelOf = ({ kind: one, index }: Chosen) => (one === 'zones' ? t.zone : t.mask)(index + 1);
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
                change(one, withMoreCorners(shape));
              }}
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
}

function AreaLine({ label, shape, isLocked, onCorner, onRemove }: AreaLineProps) {
  const t = motionWords.value;
  const id = useId();
  return (
    <li class="line">
      <span class="grow">
        <b id={id}>{label}</b>
        <span class="small dim">{t.areaCovers(Math.max(1, Math.round(100 * areaOf(shape))))}</span>
      </span>
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
