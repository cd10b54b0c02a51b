#!/usr/bin/env node
'use strict';

var required = [24, 12];
var actual = process.versions.node.split('.').map(Number);

if (actual[0] < required[0] || (actual[0] === required[0] && actual[1] < required[1])) {
	console.error('tsbuild needs Node.js ' + required.join('.') + ' or newer, this is ' + process.version + ' (' + process.execPath + ')');
	process.exit(1);
}

// Users may not trust what another has put into the common directory for temporary files, where root's is.
var cache = process.getuid() === 0 ? undefined : (process.env.XDG_CACHE_HOME || (process.env.HOME || '') + '/.cache') + '/tsbuild/compile-cache';
require('node:module').enableCompileCache(process.env.NODE_COMPILE_CACHE || cache);
import('../dist/main.js').catch(function (error) {
	console.error(error);
	process.exitCode = 1;
});
