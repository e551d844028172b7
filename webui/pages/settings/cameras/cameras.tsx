import type { ComponentChildren } from 'preact';
import type { FoundItem } from '../../../api-client/api-types.ts';
import { discoveredNow } from '../../../api-client/server-events.ts';
import { session } from '../../../api-client/session.ts';
import { usePolled } from '../../../api-client/use-polled.ts';
import { hideFound, sortFound } from '../../../cameras/adding/discovery.ts';
import { cameras } from '../../../cameras/cameras.ts';
import type { CameraRow } from '../../../features/contract.ts';
import { Empty } from '../../../live/notices.tsx';
import { closeRoute } from '../../../shell/navigation.ts';
import { route, settingsLink } from '../../../shell/route.ts';
import { Row } from '../../../ui/controls/row.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { toastFailure } from '../../../ui/feedback/toast-failure.ts';
import { Icon } from '../../../ui/icons/icon.tsx';
import { lazyPart } from '../../../ui/lazy/lazy-page.tsx';
import { SEARCHED_FROM } from '../../../ui/lists/list-search.tsx';
import { camerasWords } from '../../../words/settings/cameras.ts';
import { layoutWords } from '../../../words/settings/layouts.ts';
import { wallWords } from '../../../words/walls.ts';
import { ServerLink } from '../../features/parts.ts';
import { CameraList } from './camera-list.tsx';
import { CameraSheet } from './camera-sheet.tsx';

const Layouts = lazyPart(() => import('./layouts/layouts-page.tsx').then((page) => page.LayoutsPage));

interface CamerasPageProps {
  readonly rows: readonly CameraRow[];
  /** Rows below the list. */
  readonly below: ComponentChildren;
}

/** New cameras on the network, then the owner's in grid order. */
export function CamerasPage({ rows, below }: CamerasPageProps) {
  const t = camerasWords.value;
  const here = route.value;
  const edited = here.page === 'settings' ? here.camera : undefined;
  const all = cameras.value;
  if (here.page === 'settings' && here.part === 'layouts') {
    return <Layouts />;
  }
  const OfServer = session.value?.server ? ServerLink : undefined;
  const isServer = OfServer !== undefined;
  const isLong = (all?.length ?? 0) >= SEARCHED_FROM;
  return (
    <>
      <header class="page-head">
        <h2 class="title wide-only">{t.cameras}</h2>
        {!isServer && <AddCamera />}
      </header>
      {!isServer && <NewCameras />}
      {isLong && !isServer && <AddCamera />}
      {OfServer && <OfServer isEmpty={all?.length === 0} />}
      {all?.length === 0 && !isServer && <Empty title={t.noCameras} text={t.noCamerasText} />}
      {all && all.length > 0 && <CameraList cameras={all} />}
      {all && (
        <div class="card">
          {all.length > 0 && (
            <Row
              icon="arrange"
              title={wallWords.value.layouts}
              text={layoutWords.value.layoutsHint}
              href={settingsLink('cameras', 'layouts')}
            />
          )}
          {below}
          {isServer && (
            <Row icon="plus" title={t.addCamera} text={t.addByAddress} href={settingsLink('cameras', 'add')} />
          )}
        </div>
      )}
      {!isLong && !isServer && <AddCamera />}
      {edited !== undefined && <CameraSheet key={edited} name={edited} rows={rows} onClosed={leaveCamera} />}
    </>
  );
}

/** Returns to where the sheet was opened; to the list after *Add a camera*, and from a removed camera, which has no view any more. */
function leaveCamera(isGone: boolean): void {
  const [list, adding] = [settingsLink('cameras'), settingsLink('cameras', 'add')];
  closeRoute(list, (from) => (isGone ? from === list : from !== adding));
}

/** In the header of wide pages; on phones below a short list, and above a long one. */
const AddCamera = () => (
  <a class="button main add-one" href={settingsLink('cameras', 'add')}>
    <Icon name="plus" />
    {camerasWords.value.addCamera}
  </a>
);

function NewCameras() {
  const t = camerasWords.value;
  const { value } = usePolled<{ readonly items: readonly FoundItem[] }>('v3/cameras/found?itemsPerPage=1000', 'slow', {
    news: ['camera', 'config'],
  });
  // Discovered since the last probe.
  const discovered = [...discoveredNow.value.values()];
  const { fresh } = sortFound(value?.items ?? []);
  const [only] = fresh;
  if (!only) {
    return null;
  }
  const name =
    discovered.find(({ endpoint }) => endpoint === only.endpoint)?.name ?? only.name ?? only.manufacturer ?? '';
  const endpoints = fresh.map(({ endpoint }) => endpoint);
  return (
    <div class="card new-cameras">
      <Row
        icon="search"
        title={t.newOnNetwork(fresh.length)}
        {...(fresh.length === 1 && { text: t.newCameraText(name || only.address, only.address) })}
        href={settingsLink('cameras', 'add')}
      />
      <button
        class="round"
        type="button"
        aria-label={t.dismissNew}
        onClick={() => {
          hideFound(endpoints, true).then(
            () => toast(t.newDismissed, () => void hideFound(endpoints, false).catch(toastFailure)),
            toastFailure,
          );
        }}
      >
        <Icon name="cross" small />
      </button>
    </div>
  );
}
