import { useSignal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { savedText, saveErrorText } from '../../../api-client/error-text.ts';
import { fetchJson } from '../../../api-client/request.ts';
import { usePolled } from '../../../api-client/use-polled.ts';
import type { Camera } from '../../../cameras/camera.ts';
import { CameraThumbnail } from '../../../live/camera-thumbnail.tsx';
import { cameraSettingsLink } from '../../../shell/route.ts';
import { useFocusKept } from '../../../ui/browser/focus-kept.ts';
import { ORDER_KEYS, orderStepOf } from '../../../ui/browser/keys.ts';
import { type Drag, useListDrag } from '../../../ui/controls/list-drag.ts';
import { inOrder, movedTo, roomFor } from '../../../ui/controls/list-order.ts';
import { toast } from '../../../ui/feedback/toast.tsx';
import { Icon } from '../../../ui/icons/icon.tsx';
import { hasText, ListSearch, SEARCHED_FROM, searchedText } from '../../../ui/lists/list-search.tsx';
import { cameraViewWords } from '../../../words/camera-view.ts';
import { camerasWords } from '../../../words/settings/cameras.ts';
import { wallWords } from '../../../words/walls.ts';
import type { PathConfig } from './data/camera-settings.ts';
import { statusLine } from './data/status-line.ts';

/** The owner sorts by dragging, or by Alt and the up and down keys. */
export function CameraList({ cameras }: { readonly cameras: readonly Camera[] }) {
  const t = camerasWords.value;
  const list = useRef<HTMLUListElement>(null);
  const order = useSignal<readonly string[] | undefined>(undefined);
  const said = useSignal('');
  const configs = useConfigs();
  const [typed, setTyped] = useState('');
  const ordered = order.value ? inOrder(cameras, order.value) : cameras;
  const searched = searchedText(cameras.length, typed);
  const shown = ordered.filter(({ title, name }) => hasText(`${title} ${name}`, searched));
  const put = async (names: readonly string[], before: readonly string[] | undefined) => {
    order.value = names;
    const change = { isUnsaved: false };
    try {
      await fetchJson('v3/cameras/order', {
        method: 'POST',
        body: { paths: names.filter((name) => configs?.has(name) ?? true) },
        change,
      });
      if (before) {
        toast(savedText(change, wallWords.value.orderSaved), () => void put(before, undefined));
      }
    } catch (error) {
      order.value = undefined;
      toast(saveErrorText(error));
    }
  };
  const move = (from: number, to: number) => {
    const names = ordered.map(({ name }) => name);
    if (searched !== '' || to < 0 || to >= names.length || to === from) {
      return;
    }
    said.value = wallWords.value.placeOf(shown[from]?.title ?? '', to + 1, names.length);
    void put(movedTo(names, from, to), names);
  };
  const drag = useListDrag(list, { onDrop: move });
  useFocusKept(list, shown.map(({ name }) => name).join('\n'));
  useEffect(() => {
    const listed = cameras.map(({ name }) => name).join('\n');
    if (
      order.value &&
      listed ===
        inOrder(cameras, order.value)
          .map(({ name }) => name)
          .join('\n')
    ) {
      // The box has confirmed the order. Without this, later changes of others would not show.
      order.value = undefined;
    }
  }, [cameras]);
  return (
    <section>
      {cameras.length >= SEARCHED_FROM && (
        <ListSearch label={cameraViewWords.value.findCamera} text={typed} onInput={setTyped} />
      )}
      {shown.length === 0 && <p class="dim">{cameraViewWords.value.noneFound}</p>}
      <ul class={drag.value ? 'card camera-list dragged' : 'card camera-list'} ref={list}>
        {shown.map((camera, i) => (
          <CameraRow
            key={camera.name}
            camera={camera}
            config={configs?.get(camera.name)}
            drag={drag.value}
            place={i}
            onKey={(by) => move(i, i + by)}
          />
        ))}
      </ul>
      {shown.length > 1 && searched === '' && <p class="dim small">{t.orderHint}</p>}
      <p class="visually-hidden" role="status">
        {said.value}
      </p>
    </section>
  );
}

interface CameraRowProps {
  readonly camera: Camera;
  readonly config: PathConfig | undefined;
  readonly drag: Drag | undefined;
  readonly place: number;
  readonly onKey: (by: -1 | 1) => void;
}

function CameraRow({ camera, config, drag, place, onKey }: CameraRowProps) {
  const { text, tone } = statusLine(camera, config);
  const isDragged = drag?.from === place;
  const px = drag ? (isDragged ? drag.byPx : roomFor(place, drag.from, drag.to) * drag.box.height) : 0;
  return (
    <li class={isDragged ? 'lifted' : undefined} style={drag ? { transform: `translateY(${px}px)` } : undefined}>
      <a
        class="row"
        href={cameraSettingsLink(camera.name)}
        draggable={false}
        aria-keyshortcuts={ORDER_KEYS}
        aria-description={wallWords.value.orderKeys}
        onKeyDown={(event) => {
          const by = orderStepOf(event);
          if (by !== undefined) {
            event.preventDefault();
            onKey(by);
          }
        }}
      >
        <CameraThumbnail camera={camera} />
        <span class="grow">
          <b>
            <bdi>{camera.title}</bdi>
          </b>
          <span class={`small ${tone ?? 'dim'}`}>{[camera.main.box?.name, text].filter(Boolean).join(' · ')}</span>
        </span>
        <Icon name="go" />
      </a>
    </li>
  );
}

/** Settings by path, without cameras that are not in the file. */
function useConfigs(): ReadonlyMap<string, PathConfig> | undefined {
  const { value } = usePolled<{ readonly items: readonly PathConfig[] }>(
    'v3/config/paths/list?itemsPerPage=1000',
    'slow',
    {
      news: ['config'],
    },
  );
  return value && new Map(value.items.map((item) => [item.name, item]));
}
