import type { TransferWords } from './en.ts';

export const zhCn: TransferWords = {
  moveRow: '新录像立即存到那里，其余录像随后移过去。录制不中断。',
  moveText:
    '新录像立即存到另一块磁盘，其余录像从最新的开始移过去。每个文件复制并核对之后才删除旧文件。期间随时可以观看。',
  where: '移到',
  otherFolder: '其他文件夹',
  otherFolderText: '选择盒子上的任意文件夹。',
  changeFolder: '选择其他文件夹',
  chooseFolder: '使用此文件夹',
  folderAbove: '上一级文件夹',
  folderPath: '文件夹路径',
  openFolder: '打开',
  folderUnknown: '盒子上没有此文件夹，或 Perch 无权读取。',
  folderRefused: '请输入以 / 开头且不含 % 的路径，例如 /mnt/disk。不能使用系统文件夹。',
  noFolders: '这里没有文件夹。',
  moreFolders: '文件夹较多，未全部显示。',
  nothingToMove: '所有录像都已在那里。新录像也会存到那里。',
  doesNotFit: (size) => `空间还差 ${size}。先移最新的录像，其余留在旧磁盘上，有空间后再移。`,
  start: '移动录像',
  importRow: '从本盒子的磁盘或文件夹导入 Frigate、MediaMTX 或其他程序的录像。',
  importText:
    '其他程序的录像会成为您摄像头的录像。录像是复制过来的，原文件保持不变。如果录像在 USB 磁盘上，请先将它插到盒子上。',
  importWhere: '录像在哪里？',
  otherDisks: '其他磁盘',
  allFolders: '所有文件夹',
  allFoldersText: '在整个盒子中查找。',
  lookHere: '在此查找录像',
  nothingFound: '这里没有可导入的录像',
  nothingFoundText:
    'Perch 可导入文件名带日期和时间的 MP4 和 MPEG-TS 文件，例如 2026-01-31_18-00-00.mp4，以及 Frigate 和 MediaMTX 的文件夹。请选择存放它们的文件夹。',
};
