import { useState } from 'preact/hooks';
import { saveErrorText } from '../../../api-client/error-text.ts';
import { MaskBoard } from '../../../camera-view/mask-board.tsx';
import type { Camera } from '../../../cameras/camera.ts';
import { areaOf, boxOf, type Mask, type MaskDraft, rectangleOf } from '../../../cameras/mask-shape.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { maskWords } from '../../../words/settings/masks.ts';
import { words } from '../../../words/words.ts';
import { type CameraMasks, removeMask, saveMask } from './data/mask-data.ts';

/** A new mask before it is moved. */
const NEW_MASK = rectangleOf([0.35, 0.35], [0.65, 0.65]);

interface MasksSheetProps {
  readonly camera: Camera;
  readonly value: CameraMasks;
  readonly onClosed: () => void;
  readonly onChanged: () => void;
}

/** Areas that the camera itself covers in its picture: drawn, moved, removed. */
export function MasksSheet({ camera, value, onClosed, onChanged }: MasksSheetProps) {
  const t = maskWords.value;
  const { masks, maxMasks, rectangleOnly, draft, setDraft, isDirty, isBusy, save, remove } = useMasks(
    camera.name,
    value,
    onChanged,
  );
  const mayAdd = masks.length < maxMasks;
  return (
    <Sheet
      title={t.title}
      isDirty={isDirty}
      onClosed={onClosed}
      foot={
        draft ? (
          <>
            <Button key="save" kind="main" busy={isBusy && t.saving} isOff={!isDirty} onClick={() => void save()}>
              {t.save}
            </Button>
            <Button key="cancel" isOff={isBusy} onClick={() => setDraft(undefined)}>
              {words.value.cancel}
            </Button>
          </>
        ) : (
          <Button key="add" isOff={!mayAdd || isBusy} onClick={() => setDraft({ token: undefined, points: NEW_MASK })}>
            {t.add}
          </Button>
        )
      }
    >
      <p>{t.text}</p>
      <MaskBoard
        camera={camera}
        masks={masks}
        draft={draft}
        isRectangleOnly={rectangleOnly}
        mayAdd={mayAdd}
        mayLeave={!isDirty}
        isLocked={isBusy}
        onDraft={setDraft}
      />
      <p class="dim small" id="mask-keys">
        {t.hint}
      </p>
      {masks.length > 0 ? (
        <ul class="card devices">
          {masks.map((mask, i) => (
            <MaskLine key={mask.token} mask={mask} number={i + 1} isLocked={isBusy || isDirty} onRemove={remove} />
          ))}
        </ul>
      ) : (
        !draft && <p class="dim">{t.none}</p>
      )}
      {!mayAdd && <p class="dim small">{t.full(maxMasks)}</p>}
    </Sheet>
  );
}

interface MaskLineProps {
  readonly mask: Mask;
  readonly number: number;
  readonly isLocked: boolean;
  readonly onRemove: (mask: Mask) => Promise<void>;
}

function MaskLine({ mask, number, isLocked, onRemove }: MaskLineProps) {
  const t = maskWords.value;
  return (
    <li class="line">
      <span class="grow">
        <b>{t.mask(number)}</b>
        <span class="small dim">
          {mask.enabled ? t.covers(Math.max(1, Math.round(100 * areaOf(mask.points)))) : t.isOff}
        </span>
      </span>
      <Button kind="text" danger label={t.removeNumbered(number)} isOff={isLocked} onClick={() => void onRemove(mask)}>
        {t.remove}
      </Button>
    </li>
  );
}

function useMasks(path: string, first: CameraMasks, onChanged: () => void) {
  const [shown, setShown] = useState(first);
  const [draft, setDraft] = useState<MaskDraft>();
  const [isBusy, setBusy] = useState(false);
  const before = shown.masks.find(({ token }) => token === draft?.token);
  const isDirty = draft !== undefined && draft.points !== before?.points;
  /** @param undo makes the undo function from the camera's masks after the change */
  const change = async (work: () => Promise<CameraMasks>, text: string, undo: (now: CameraMasks) => () => void) => {
    setBusy(true);
    try {
      const now = await work();
      setShown(now);
      setDraft(undefined);
      onChanged();
      toast(text, undo(now));
    } catch (error) {
      toast(saveErrorText(error));
    }
    setBusy(false);
  };
  const back = (work: () => Promise<CameraMasks>) => async () => {
    try {
      setShown(await work());
      onChanged();
    } catch (error) {
      toast(saveErrorText(error));
    }
  };
  const again = ({ points }: Mask) => back(() => saveMask(path, { token: undefined, points }));
  const save = async () => {
    if (draft) {
      const points = shown.rectangleOnly ? boxOf(draft.points) : draft.points;
      const known = new Set(shown.masks.map(({ token }) => token));
      await change(
        () => saveMask(path, { ...draft, points }),
        maskWords.peek().saved,
        ({ masks }) => {
          const made = masks.find(({ token }) => !known.has(token));
          return before ? back(() => saveMask(path, before)) : back(() => removeMask(path, made?.token ?? ''));
        },
      );
    }
  };
  const remove = (mask: Mask) =>
    change(
      () => removeMask(path, mask.token),
      maskWords.peek().removed,
      () => again(mask),
    );
  return { ...shown, draft, setDraft, isDirty, isBusy, save, remove };
}
