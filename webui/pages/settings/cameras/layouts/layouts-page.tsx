import { useSignal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Layout } from '../../../../api-client/api-types.ts';
import { saveErrorText } from '../../../../api-client/error-text.ts';
import { cameras } from '../../../../cameras/cameras.ts';
import { layouts, loadLayouts } from '../../../../cameras/layouts.ts';
import { settingsLink } from '../../../../shell/route.ts';
import { useFocusKept } from '../../../../ui/browser/focus-kept.ts';
import { ORDER_KEYS, orderStepOf } from '../../../../ui/browser/keys.ts';
import { Button } from '../../../../ui/controls/button.tsx';
import { useListDrag } from '../../../../ui/controls/list-drag.ts';
import { inOrder, movedTo, roomFor } from '../../../../ui/controls/list-order.ts';
import { LowerPageHeader } from '../../../../ui/controls/lower-page-header.tsx';
import { toast } from '../../../../ui/feedback/toast.tsx';
import { Icon } from '../../../../ui/icons/icon.tsx';
import { hasText, ListSearch, SEARCHED_FROM, searchedText } from '../../../../ui/lists/list-search.tsx';
import { cameraViewWords } from '../../../../words/camera-view.ts';
import { listed } from '../../../../words/format.ts';
import { i18n } from '../../../../words/i18n.ts';
import { camerasWords } from '../../../../words/settings/cameras.ts';
import { layoutWords } from '../../../../words/settings/layouts.ts';
import { wallWords } from '../../../../words/walls.ts';
import { LayoutSheet, orderLayouts } from './layout-sheet.tsx';

const POLL_MS = 15_000;

type Kind = Layout['kind'];

/** Groups and walls. */
export function LayoutsPage() {
  const t = layoutWords.value;
  const open = useSignal<{ readonly kind: Kind; readonly layout: Layout | undefined } | undefined>(undefined);
  useEffect(() => {
    const load = () => void loadLayouts().catch(() => {});
    load();
    const timer = setInterval(load, POLL_MS);
    return () => clearInterval(timer);
  }, []);
  const edit = (kind: Kind, layout?: Layout) => {
    open.value = { kind, layout };
  };
  return (
    <>
      <LowerPageHeader
        title={wallWords.value.layouts}
        href={settingsLink('cameras')}
        above={camerasWords.value.cameras}
      />
      {layouts.value && (
        <>
          <LayoutList kind="group" title={t.groups} text={t.groupsText} action={t.addGroup} onEdit={edit} />
          <LayoutList kind="wall" title={t.walls} text={t.wallsText} action={t.addWall} onEdit={edit} />
        </>
      )}
      {open.value && (
        <LayoutSheet
          {...open.value}
          onClosed={() => {
            open.value = undefined;
          }}
        />
      )}
    </>
  );
}

interface LayoutListProps {
  readonly kind: Kind;
  readonly title: string;
  readonly text: string;
  readonly action: string;
  readonly onEdit: (kind: Kind, layout?: Layout) => void;
}

/** Sorted by dragging, or by Alt and the up and down keys. */
function LayoutList({ kind, title, text, action, onEdit }: LayoutListProps) {
  const t = camerasWords.value;
  const list = useRef<HTMLUListElement>(null);
  const said = useSignal('');
  const order = useSignal<readonly string[] | undefined>(undefined);
  const stored = (layouts.value ?? []).filter((one) => one.kind === kind);
  const [typed, setTyped] = useState('');
  const ordered = order.value ? inOrder(stored, order.value) : stored;
  const searched = searchedText(stored.length, typed);
  const shown = ordered.filter((layout) => hasText(`${layout.name} ${camerasText(layout)}`, searched));
  const move = async (from: number, to: number) => {
    const moved = shown[from];
    if (!moved || searched !== '' || to < 0 || to >= shown.length || to === from) {
      return;
    }
    said.value = wallWords.value.placeOf(moved.name, to + 1, shown.length);
    order.value = movedTo(shown, from, to).map(({ name }) => name);
    try {
      await orderLayouts(order.value);
    } catch (error) {
      toast(saveErrorText(error));
    }
    order.value = undefined;
  };
  const drag = useListDrag(list, { onDrop: (from, to) => void move(from, to) }).value;
  useFocusKept(list, shown.map(({ name }) => name).join('\n'));
  return (
    <section class="layouts" aria-labelledby={kind}>
      <h3 id={kind}>{title}</h3>
      <p class="dim small">{text}</p>
      {stored.length >= SEARCHED_FROM && (
        <ListSearch label={cameraViewWords.value.search} text={typed} onInput={setTyped} />
      )}
      <p class="dim" role="status" hidden={stored.length === 0 || shown.length > 0}>
        {stored.length > 0 && shown.length === 0 ? cameraViewWords.value.nothingFound : ''}
      </p>
      <ul class={drag ? 'card camera-list dragged' : 'card camera-list'} ref={list} hidden={shown.length === 0}>
        {shown.map((layout, i) => {
          const px = drag && (drag.from === i ? drag.byPx : roomFor(i, drag.from, drag.to) * drag.box.height);
          return (
            <li
              key={layout.name}
              class={drag?.from === i ? 'lifted' : undefined}
              style={drag ? { transform: `translateY(${px}px)` } : undefined}
            >
              <button
                class="row"
                type="button"
                aria-keyshortcuts={searched === '' ? ORDER_KEYS : undefined}
                aria-description={searched === '' ? wallWords.value.orderKeys : undefined}
                onClick={() => onEdit(kind, layout)}
                onKeyDown={(event) => {
                  const by = orderStepOf(event);
                  if (by !== undefined) {
                    event.preventDefault();
                    void move(i, i + by);
                  }
                }}
              >
                <span class="grow">
                  <b>
                    <bdi>{layout.name}</bdi>
                  </b>
                  <span class="small dim">{camerasText(layout)}</span>
                </span>
                <Icon name="go" />
              </button>
            </li>
          );
        })}
      </ul>
      {shown.length > 1 && searched === '' && <p class="dim small">{t.orderHint}</p>}
      <Button onClick={() => onEdit(kind)}>{action}</Button>
      <p class="visually-hidden" role="status">
        {said.value}
      </p>
    </section>
  );
}

/** `2 cameras: Front door, Garden` */
function camerasText({ cameras: tiles }: Layout): string {
  const t = layoutWords.value;
  const titles = tiles.flatMap(({ path }) => cameras.value?.find(({ name }) => name === path)?.title ?? []);
  const list = listed(titles, i18n().language);
  return titles.length === 0 ? t.showsNone : t.shows(list, titles.length);
}
