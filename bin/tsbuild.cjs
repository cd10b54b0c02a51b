#!/usr/bin/env node
'use strict';

var required = [24, 12];
var actual = process.versions.node.split('.').map(Number);

if (actual[0] < required[0] || (actual[0] === required[0] && actual[1] < required[1])) {
	console.error('tsbuild needs Node.js ' + required.join('.') + ' or newer, this is ' + process.version + ' (' + process.execPath + ')');
	process.exit(1);
}

require('node:module').enableCompileCache();
import('../dist/main.js').catch(function (error) {
	console.error(error);
	process.exitCode = 1;
});
