import { useSignal } from '@preact/signals';
import { useRef, useState } from 'preact/hooks';
import type { Layout } from '../../../../api-client/api-types.ts';
import type { Camera } from '../../../../cameras/camera.ts';
import { cameras } from '../../../../cameras/cameras.ts';
import { spansOf, wallLayout } from '../../../../cameras/wall-layout.ts';
import { CameraThumbnail } from '../../../../live/camera-thumbnail.tsx';
import { useFocusKept } from '../../../../ui/browser/focus-kept.ts';
import { ORDER_KEYS, orderStepOf } from '../../../../ui/browser/keys.ts';
import { useMedia } from '../../../../ui/browser/use-media.ts';
import { useListDrag } from '../../../../ui/controls/list-drag.ts';
import { movedTo } from '../../../../ui/controls/list-order.ts';
import { Icon } from '../../../../ui/icons/icon.tsx';
import { layoutWords } from '../../../../words/settings/layouts.ts';
import { wallWords } from '../../../../words/walls.ts';

/** The box's limit for one layout. */
const MAX_CAMERAS = 64;
const NARROW_COLUMNS = 3;
/** Shape of the screen that the board imitates. */
const SCREEN = { width: 1920, height: 1080 };

export type BoardTiles = Layout['cameras'];

interface BoardProps {
  readonly kind: Layout['kind'];
  readonly tiles: BoardTiles;
  readonly onChange: (tiles: BoardTiles) => void;
  readonly wrong: string | undefined;
}

/** The cameras of a layout in order, as the screen will show them, and those that can be added. */
export function LayoutBoard({ kind, tiles, onChange, wrong }: BoardProps) {
  const t = layoutWords.value;
  const said = useSignal('');
  const [chosen, setChosen] = useState<string | undefined>(undefined);
  const all = cameras.value ?? [];
  const cameraOf = (path: string) => all.find(({ name }) => name === path);
  const titleOf = (path: string) => cameraOf(path)?.title ?? path;
  const at = tiles.findIndex(({ path }) => path === chosen);
  const say = (text: string) => {
    said.value = text;
  };
  const move = (from: number, to: number) => {
    const tile = tiles[from];
    if (tile && to >= 0 && to < tiles.length && to !== from) {
      onChange([...movedTo(tiles, from, to)]);
      say(wallWords.value.placeOf(titleOf(tile.path), to + 1, tiles.length));
    }
  };
  const remove = (path: string) => {
    onChange(tiles.filter((tile) => tile.path !== path));
    say(t.takenOut(titleOf(path)));
  };
  const resize = (path: string) => {
    const size = tiles.find((tile) => tile.path === path)?.size === 'large' ? 'small' : 'large';
    onChange(tiles.map((tile) => (tile.path === path ? { ...tile, size } : tile)));
    say(size === 'large' ? t.isLarge(titleOf(path)) : t.isSmall(titleOf(path)));
  };
  const add = (paths: readonly string[]) => {
    const room = MAX_CAMERAS - tiles.length;
    const added = paths.slice(0, room).map((path) => ({ path, size: 'small' as const }));
    onChange([...tiles, ...added]);
    say(added.map(({ path }, i) => t.putIn(titleOf(path), tiles.length + i + 1)).join(', '));
  };
  const rest = all.filter(({ name }) => tiles.every(({ path }) => path !== name));
  return (
    <>
      <div class="field">
        <span class="label">{t.chosen}</span>
        {tiles.length > 0 && <Tiles {...{ kind, tiles, chosen, cameraOf, move, remove }} onChoose={setChosen} />}
        {wrong && (
          <p class="hint bad" role="alert">
            <Icon name="alert" small />
            <span>{wrong}</span>
          </p>
        )}
        {at >= 0 && chosen !== undefined ? (
          <fieldset class="chips board-tools" aria-label={titleOf(chosen)}>
            <Tool text={t.earlier} isOff={at === 0} onClick={() => move(at, at - 1)} />
            <Tool text={t.later} isOff={at === tiles.length - 1} onClick={() => move(at, at + 1)} />
            {kind === 'wall' && (
              <Tool text={tiles[at]?.size === 'large' ? t.makeSmall : t.makeLarge} onClick={() => resize(chosen)} />
            )}
            <Tool text={t.takeOut} onClick={() => remove(chosen)} />
          </fieldset>
        ) : (
          tiles.length > 0 && <p class="hint">{t.boardHint}</p>
        )}
        <p class="visually-hidden" role="status">
          {said.value}
        </p>
      </div>
      {rest.length > 0 && tiles.length < MAX_CAMERAS && (
        <div class="field">
          <span class="label">{t.addCameras}</span>
          <div class="chips">
            {rest.map(({ name, title }) => (
              <button key={name} class="chip tap" type="button" onClick={() => add([name])}>
                <Icon name="plus" small />
                <bdi>{title}</bdi>
              </button>
            ))}
            {rest.length > 1 && <Tool text={t.addAll} onClick={() => add(rest.map(({ name }) => name))} />}
          </div>
        </div>
      )}
    </>
  );
}

interface ToolProps {
  readonly text: string;
  readonly isOff?: boolean;
  readonly onClick: () => void;
}

/** Without `disabled`, which would drop the focus at the last step. */
const Tool = ({ text, isOff = false, onClick }: ToolProps) => (
  <button class="chip tap" type="button" aria-disabled={isOff} onClick={() => isOff || onClick()}>
    {text}
  </button>
);

interface TilesProps extends Pick<BoardProps, 'kind' | 'tiles'> {
  readonly chosen: string | undefined;
  readonly cameraOf: (path: string) => Camera | undefined;
  readonly move: (from: number, to: number) => void;
  readonly remove: (path: string) => void;
  readonly onChoose: (path: string | undefined) => void;
}

/** While one is dragged, the others show where it would be dropped. */
function Tiles({ kind, tiles, chosen, cameraOf, move, remove, onChoose }: TilesProps) {
  const t = layoutWords.value;
  const list = useRef<HTMLUListElement>(null);
  const drag = useListDrag(list, { onDrop: move, isGrid: true }).value;
  const shown = drag ? movedTo(tiles, drag.from, drag.to) : tiles;
  // More columns would have tiles too small for a finger.
  const most = useMedia('(max-width: 22.5em)') ? NARROW_COLUMNS : 4;
  const sizes = shown.map(({ size }) => (kind === 'wall' ? size : 'small'));
  const spans = spansOf(sizes);
  const columns = Math.min(most, wallLayout(sizes, SCREEN).columns);
  const dragged = drag && tiles[drag.from];
  useFocusKept(list, shown.map(({ path }) => path).join('\n'));
  const onKeyDown = (event: KeyboardEvent, i: number, path: string) => {
    const by = orderStepOf(event);
    if (by !== undefined) {
      move(i, i + by);
    } else if (event.key === 'Delete') {
      focusBeside(list.current, i);
      remove(path);
    } else {
      return;
    }
    event.preventDefault();
  };
  return (
    <div class={drag ? 'board dragged' : 'board'}>
      <ul ref={list} style={{ '--columns': String(columns) }}>
        {shown.map(({ path }, i) => (
          <li
            key={path}
            class={[spans[i] === 2 && 'large', path === dragged?.path && 'lifted'].filter(Boolean).join(' ')}
          >
            <button
              type="button"
              aria-pressed={path === chosen}
              aria-label={labelOf(cameraOf(path)?.title ?? path, spans[i] === 2, i, tiles.length)}
              aria-description={t.boardKeys}
              aria-keyshortcuts={`${ORDER_KEYS} Delete`}
              onClick={() => onChoose(path === chosen ? undefined : path)}
              onKeyDown={(event) => onKeyDown(event, i, path)}
            >
              <CameraThumbnail camera={cameraOf(path)} />
              <b>
                <bdi>{cameraOf(path)?.title ?? path}</bdi>
              </b>
            </button>
          </li>
        ))}
      </ul>
      {drag && dragged && (
        <div
          class="ghost"
          aria-hidden="true"
          style={{
            left: `${drag.box.x}px`,
            top: `${drag.box.y}px`,
            width: `${drag.box.width}px`,
            height: `${drag.box.height}px`,
            transform: `translate(${drag.byXPx}px, ${drag.byPx}px)`,
          }}
        >
          <b>
            <bdi>{cameraOf(dragged.path)?.title ?? dragged.path}</bdi>
          </b>
        </div>
      )}
    </div>
  );
}

/** The visible name first, as WCAG's label in name requires. */
function labelOf(title: string, isLarge: boolean, i: number, count: number): string {
  const t = layoutWords.value;
  return wallWords.value.placeOf(isLarge ? t.isLarge(title) : title, i + 1, count);
}

/** Moves the focus to a neighbour before tile `i`, which has it, is removed. */
function focusBeside(list: HTMLElement | null, i: number): void {
  const buttons = list?.querySelectorAll('button');
  (buttons?.[i + 1] ?? buttons?.[i - 1])?.focus();
}
