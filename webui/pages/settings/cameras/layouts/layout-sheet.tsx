import { useMemo, useState } from 'preact/hooks';
import type { Layout } from '../../../../api-client/api-types.ts';
import { savedText } from '../../../../api-client/error-text.ts';
import { fetchJson, RequestError } from '../../../../api-client/request.ts';
import { layouts, loadLayouts } from '../../../../cameras/layouts.ts';
import { fieldProps } from '../../../../forms/field-props.ts';
import { FieldError } from '../../../../forms/form.ts';
import { FormSheet } from '../../../../forms/form-sheet.tsx';
import { serverForm } from '../../../../forms/server-form.ts';
import { wallLink } from '../../../../shell/route.ts';
import { copyToClipboard } from '../../../../ui/controls/clipboard.ts';
import { TextField } from '../../../../ui/controls/field.tsx';
import { Row } from '../../../../ui/controls/row.tsx';
import { toast } from '../../../../ui/feedback/toast.tsx';
import { toastFailure } from '../../../../ui/feedback/toast-failure.ts';
import { Confirm } from '../../../../ui/sheet/confirm.tsx';
import { layoutWords } from '../../../../words/settings/layouts.ts';
import { type BoardTiles, LayoutBoard } from './layout-board.tsx';

interface LayoutSheetProps {
  readonly kind: Layout['kind'];
  /** Undefined: a new one. */
  readonly layout: Layout | undefined;
  readonly onClosed: () => void;
}

/** A group or wall: name, cameras, and the address for a screen. */
export function LayoutSheet({ kind, layout, onClosed }: LayoutSheetProps) {
  const t = layoutWords.value;
  const form = useMemo(() => layoutForm(kind, layout), []);
  const [isGone, setGone] = useState(false);
  const isWall = kind === 'wall';
  return (
    <FormSheet
      title={layout?.name ?? (isWall ? t.addWall : t.addGroup)}
      form={form}
      isOver={isGone}
      onClosed={onClosed}
      onSaved={() => {
        toast(savedText(form.change));
        void loadLayouts().catch(() => {});
      }}
      text={isWall ? t.wallSaves : t.groupSaves}
    >
      <TextField
        label={t.name}
        hint={isWall ? t.wallNameHint : t.groupNameHint}
        autocomplete="off"
        {...fieldProps(form, 'name', 64)}
      />
      <LayoutBoard
        kind={kind}
        tiles={form.values.value.cameras}
        onChange={(tiles) => form.set('cameras', tiles)}
        wrong={form.wrong.value.cameras}
      />
      {layout && <Screen name={layout.name} />}
      {layout && (
        <Confirm
          title={t.deleteLayout(layout.name)}
          text={isWall ? t.deleteWallText : t.deleteGroupText}
          onConfirm={() => void remove(layout, () => setGone(true))}
        />
      )}
    </FormSheet>
  );
}

/** The address of the wall; a group has one, too. */
function Screen({ name }: { readonly name: string }) {
  const t = layoutWords.value;
  const copy = async () => {
    const address = new URL(wallLink(name), location.href).href;
    toast((await copyToClipboard(address)) ? t.copied : t.notCopied(address));
  };
  return (
    <div class="rows-end">
      <Row icon="link" title={t.copyAddress} text={t.screenText} onClick={() => void copy()} />
      <Row icon="full" title={t.show} href={wallLink(name)} />
    </div>
  );
}

interface FormValues {
  readonly name: string;
  readonly cameras: BoardTiles;
}

function layoutForm(kind: Layout['kind'], layout: Layout | undefined) {
  return serverForm<FormValues>({
    initial: { name: layout?.name ?? '', cameras: layout?.cameras ?? [] },
    validate: {
      name: (text) => nameFault(text, layout),
      cameras: (tiles) => (tiles.length === 0 ? layoutWords.peek().chooseOne : undefined),
    },
    save: async ({ name, cameras: tiles }, changed, change) => {
      try {
        if (!layout) {
          await fetchJson(addressOf('replace', name), { method: 'POST', body: { kind, cameras: tiles }, change });
        } else if (Object.keys(changed).length > 0) {
          const body = { ...changed, ...(changed.name !== undefined && { name: name.trim() }) };
          await fetchJson(addressOf('patch', layout.name), { method: 'PATCH', body, change });
        }
      } catch (error) {
        const isTaken = error instanceof RequestError && error.why === 'taken';
        throw isTaken ? new FieldError<FormValues>('name', layoutWords.peek().nameTaken) : error;
      }
    },
  });
}

const addressOf = (action: string, name: string): string =>
  `v3/layouts/${action}/${encodeURIComponent(name.trim().normalize('NFC'))}`;

function nameFault(text: string, layout: Layout | undefined): string | undefined {
  const t = layoutWords.peek();
  const name = text.trim().normalize('NFC');
  const isTaken = layouts.peek()?.some((one) => one.name === name && one.name !== layout?.name);
  return name === '' ? t.nameMissing : isTaken ? t.nameTaken : undefined;
}

async function remove(layout: Layout, onGone: () => void): Promise<void> {
  const { name, kind, cameras: tiles } = layout;
  const names = layouts.peek()?.map((one) => one.name) ?? [];
  try {
    const change = { isUnsaved: false };
    await fetchJson(addressOf('delete', name), { method: 'DELETE', change });
    onGone();
    await loadLayouts();
    toast(savedText(change, layoutWords.peek().deleted(name)), () => {
      restore().then(() => toast(layoutWords.peek().restored(name)), toastFailure);
    });
  } catch (error) {
    toastFailure(error);
  }
  async function restore() {
    await fetchJson(addressOf('replace', name), { method: 'POST', body: { kind, cameras: tiles } });
    const now = (await fetchJson<{ items: readonly Layout[] }>('v3/layouts/list?itemsPerPage=50')).items;
    await orderLayouts(names.filter((one) => now.some((other) => other.name === one)));
  }
}

export async function orderLayouts(names: readonly string[]): Promise<void> {
  await fetchJson('v3/layouts/order', { method: 'POST', body: { names } });
  await loadLayouts();
}
