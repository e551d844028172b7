import type { YouWords } from '../en/you.ts';

export const you: YouWords = {
  account: '我的账号',
  ownerIs: (user) => `已登录：${user}`,
  noOwnerText: '访问权限由配置文件决定；设置管理员后可在此更改。',
  logOut: '退出登录',
  appearance: '外观',
  asSystem: '自动',
  dark: '深色',
  light: '浅色',

  viewsKnown: '管理员可以看到您何时观看了哪些摄像头。',

  changePassword: '修改密码',
  oldPassword: '当前密码',
  newPassword: '新密码',
  newPasswordHint: '至少 8 个字符。用一句短句最好记。',
  newPasswordCommon: '这个密码太常见，请再加一个词。',
  oldPasswordWrong: '当前密码不正确。',
  otherDevices: '您的其他浏览器需要重新登录。',
  passwordChanged: '密码已修改。',

  devices: '已登录的浏览器',
  devicesText: '不认识的浏览器：请退出其登录，并修改密码。',
  thisDevice: '当前浏览器',
  lastUsed: (time) => `上次使用 ${time}`,
  unknownDevice: '未知浏览器',
  logOutDevice: '退出登录',
  logOutNamed: (device) => `退出 ${device} 的登录`,
  logOutOthers: '退出其他浏览器的登录',
  othersAreOut: '您的其他浏览器已退出登录。',
};
