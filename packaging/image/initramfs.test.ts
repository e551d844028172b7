import { expect, test } from 'vitest';
import { driversOf, inOrder, parseDependencies } from './initramfs.ts';

const NEEDS = parseDependencies(
  'kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz kernel/lib/crc16.ko.xz\nkernel/fs/jbd2/jbd2.ko.xz: kernel/lib/crc16.ko.xz\nkernel/lib/crc16.ko.xz:\n',
);

test('a driver follows its dependencies, once', () => {
  expect(inOrder(['kernel/fs/jbd2/jbd2.ko.xz', 'kernel/fs/ext4/ext4.ko.xz'], NEEDS)).toEqual([
    'kernel/lib/crc16.ko.xz',
    'kernel/fs/jbd2/jbd2.ko.xz',
    'kernel/fs/ext4/ext4.ko.xz',
  ]);
});

test('a missing driver is an error', () => {
  expect(() => inOrder(['kernel/fs/xfs.ko'], NEEDS)).toThrow('modules.dep does not know kernel/fs/xfs.ko');
});

test('the drivers of a board are those whose devices its tree names, and no longer names', () => {
  const aliases = `# Aliases
alias of:N*T*Cbrcm,bcm2835-sdhost bcm2835
alias of:N*T*Cbrcm,bcm2835-sdhostC* bcm2835
alias of:N*T*Cbrcm,bcm2711-emmc sdhci-iproc
alias of:N*T*Cbrcm,bcm2711 other
alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci
`;
  const tree = Buffer.from('compatible\0brcm,bcm2711-emmc2\0brcm,bcm2835-sdhost\0');
  expect([...driversOf(aliases, [tree])]).toEqual(['bcm2835']);
  expect([...driversOf(aliases, [tree, Buffer.from('brcm,bcm2711-emmc\0')])]).toEqual(['bcm2835', 'sdhci_iproc']);
});
