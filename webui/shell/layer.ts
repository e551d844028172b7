import { addEntry, goBack } from './back.ts';
import { keepAddress } from './navigation.ts';
import { parseRoute, route } from './route.ts';

/**
 * A history entry for a layer over the page: Back calls `onBack`, the address stays.
 * @returns closes it from the page
 */
export function addLayer(onBack: () => void): () => void {
  let id: number | undefined;
  const cancel = addEntry(() => {
    id = history.state?.layer ?? Date.now();
    if (history.state?.layer !== id) {
      history.pushState({ layer: id }, '');
    }
  });
  let isOpen = true;
  const onPop = () => {
    const { state } = history;
    if (id === undefined || state?.layer === id) {
      return;
    }
    window.removeEventListener('popstate', onPop);
    if (state !== null && parseRoute(location.hash).page === route.peek().page) {
      // The address of the entry below is that of the moment when the layer was opened: replaces it by the present one.
      keepAddress();
    }
    if (isOpen) {
      isOpen = false;
      onBack();
    }
  };
  window.addEventListener('popstate', onPop);
  return () => {
    if (!isOpen) {
      return;
    }
    isOpen = false;
    cancel();
    if (id !== undefined && history.state?.layer === id) {
      goBack();
    } else {
      window.removeEventListener('popstate', onPop);
    }
  };
}
