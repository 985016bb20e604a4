// Loaded before a client of Node.js's: refuses every connection that isn't to 127.0.0.1. The CLI would ask elsewhere for the
// API's description whenever it meets a 404.
"use strict";
const net = require("net");

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...given) {
    const [options] = Array.isArray(given[0]) ? given[0] : given;
    if (options.host !== "127.0.0.1") {
        throw new Error(`refused to connect to ${options.host}: loopback only`);
    }
    return connect.apply(this, given);
};
