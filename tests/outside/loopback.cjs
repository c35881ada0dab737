// Loaded before a server that would listen on every address of this machine: lets it listen on the loopback address alone.
const { Server } = require("node:net");

const listen = Server.prototype.listen;
Server.prototype.listen = function (port, ...rest) {
  const callback = rest.find((argument) => typeof argument === "function");
  return listen.call(this, { port: Number(typeof port === "object" ? port.port : port), host: "127.0.0.1" }, callback);
};
