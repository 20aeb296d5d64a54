/// The version of this program, as `gatehouse version` prints it.
package let gatehouseVersion = "0.1.0"
